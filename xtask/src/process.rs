//! Running other programs, and saying clearly what failed.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// How the command would be typed.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs it with our terminal; an error when it does not start or does not succeed.
pub fn run(command: &mut Command) -> Result<()> {
    let typed = shown(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| cannot_start(&typed))?;
    ensure!(status.success(), "`{typed}` failed ({status})");
    Ok(())
}

/// Runs it and returns what it printed; its complaints go into the error.
pub fn output(command: &mut Command) -> Result<String> {
    let typed = shown(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| cannot_start(&typed))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{typed}` failed ({}):\n{}", output.status, complaint.trim_end());
    String::from_utf8(output.stdout).with_context(|| format!("`{typed}` printed what is not UTF-8"))
}

/// Runs it, passing its standard error on line by line, and returns those lines and whether it succeeded.
pub fn tee(command: &mut Command) -> Result<(bool, Vec<String>)> {
    let typed = shown(command);
    let mut child =
        command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().with_context(|| cannot_start(&typed))?;
    let mut lines = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line.with_context(|| format!("reading from `{typed}`"))?;
            eprintln!("{line}");
            lines.push(line);
        }
    }
    let status = child.wait().with_context(|| format!("waiting for `{typed}`"))?;
    Ok((status.success(), lines))
}

/// Whether a program can be found and answers `--version`.
pub fn present(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn cannot_start(typed: &str) -> String {
    format!("`{typed}` could not be started")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_named_with_its_complaint() {
        let error = output(Command::new("sh").args(["-c", "echo no such luck >&2; exit 3"]));
        let message = format!("{:#}", error.expect_err("it exits with 3"));
        assert!(message.contains("sh -c") && message.contains("no such luck"), "{message}");
    }

    #[test]
    fn a_missing_program_is_an_error() {
        assert!(run(&mut Command::new("no-such-program-here")).is_err());
        assert!(!present("no-such-program-here"));
    }

    #[test]
    fn tee_keeps_the_lines_and_the_outcome() {
        let (success, lines) =
            tee(Command::new("sh").args(["-c", "echo one >&2; echo two >&2; exit 1"])).expect("sh is there");
        assert!(!success);
        assert_eq!(lines, ["one", "two"]);
    }
}
