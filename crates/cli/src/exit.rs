//! Exit codes: what a script can tell without reading.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, or there was nothing to do.
    Done,
    /// 1: it could not be done; standard error says why.
    Failed,
    /// 2: there are changes (only with `--detailed-exitcode`).
    Changes,
    /// 3: the plan is blocked.
    Blocked,
    /// 4: something changed underneath; plan again.
    Stale,
    /// 5: the rehearsal failed, or is not to be trusted.
    RehearsalFailed,
    /// 6: somebody must approve first.
    ApprovalRequired,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Blocked => 3,
            Self::Stale => 4,
            Self::RehearsalFailed => 5,
            Self::ApprovalRequired => 6,
        }
    }

    /// What a refusal with this problem code comes to.
    pub(crate) fn of_problem(code: &str) -> Self {
        match code {
            "plan_blocked" => Self::Blocked,
            "stale" | "precondition_required" => Self::Stale,
            "approval_required" => Self::ApprovalRequired,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_documented_ones() {
        for (problem, code) in
            [("plan_blocked", 3), ("stale", 4), ("approval_required", 6), ("not_found", 1), ("", 1)]
        {
            assert_eq!(Exit::of_problem(problem).code(), code, "{problem}");
        }
        let all = [
            Exit::Done,
            Exit::Failed,
            Exit::Changes,
            Exit::Blocked,
            Exit::Stale,
            Exit::RehearsalFailed,
            Exit::ApprovalRequired,
        ];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 4, 5, 6]);
    }
}
