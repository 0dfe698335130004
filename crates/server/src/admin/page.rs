//! Lists: `{data, has_more, next_cursor}`, `limit` and an opaque `cursor`.

use serde::{Deserialize, Serialize};
use store::{Cursor, Page};
use utoipa::{IntoParams, ToSchema};

use crate::problem::{Code, Problem};

/// The most a page holds.
const LIMIT_MAX: usize = 200;
const LIMIT: usize = 50;

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// How many at most; 50 by default, 200 at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// `next_cursor` of the page before. Only good for the list that gave it.
    cursor: Option<String>,
}

impl Paging {
    pub(crate) fn new(limit: Option<usize>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// How many at most.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        match self.limit {
            None => Ok(LIMIT),
            Some(limit @ 1..=LIMIT_MAX) => Ok(limit),
            Some(limit) => Err(Problem::new(Code::BadParameter, "A parameter of the query is wrong.")
                .at("limit", format!("is {limit}; 1 to {LIMIT_MAX} can be asked for"))),
        }
    }

    /// Where it begins.
    pub(crate) fn after(&self) -> Option<Cursor> {
        self.cursor.clone().map(Cursor)
    }

    /// The part of a list that is at hand whole; its cursor is the position.
    pub(crate) fn part<T, U: ToSchema>(
        &self,
        all: Vec<T>,
        form: impl Fn(T) -> U,
    ) -> Result<Listed<U>, Problem> {
        let from = match &self.cursor {
            None => 0,
            Some(cursor) => cursor.parse::<usize>().map_err(|_| {
                Problem::new(Code::BadParameter, "A parameter of the query is wrong.")
                    .at("cursor", "is not a cursor of this list")
            })?,
        };
        let limit = self.limit()?;
        let more = all.len() > from.saturating_add(limit);
        Ok(Listed {
            data: all.into_iter().skip(from).take(limit).map(form).collect(),
            has_more: more,
            next_cursor: more.then(|| (from + limit).to_string()),
        })
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listed<T: ToSchema> {
    /// The rows.
    data: Vec<T>,
    /// Whether there are more.
    has_more: bool,
    /// Where they begin.
    next_cursor: Option<String>,
}

impl<T: ToSchema> Listed<T> {
    /// A page of the store, its rows in the form of the API.
    pub(crate) fn of<R>(page: Page<R>, form: impl FnMut(R) -> T) -> Self {
        Self {
            has_more: page.next.is_some(),
            next_cursor: page.next.map(|cursor| cursor.0),
            data: page.rows.into_iter().map(form).collect(),
        }
    }

    /// The same, where a row may fail to take that form.
    pub(crate) fn try_of<R>(
        page: Page<R>,
        form: impl FnMut(R) -> Result<T, Problem>,
    ) -> Result<Self, Problem> {
        Ok(Self {
            has_more: page.next.is_some(),
            next_cursor: page.next.map(|cursor| cursor.0),
            data: page.rows.into_iter().map(form).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lists_in_parts() {
        let all = || (0..5).collect::<Vec<u32>>();
        let paging = |limit, cursor: Option<&str>| Paging::new(limit, cursor.map(Into::into));
        let page = paging(Some(2), None).part(all(), |n| n).expect("a page");
        assert_eq!((page.data, page.has_more, page.next_cursor.as_deref()), (vec![0, 1], true, Some("2")));
        let page = paging(Some(2), Some("4")).part(all(), |n| n).expect("a page");
        assert_eq!((page.data, page.has_more, page.next_cursor), (vec![4], false, None));
        let page = paging(None, Some("9")).part(all(), |n| n).expect("a page");
        assert!(page.data.is_empty() && !page.has_more);
        for (limit, cursor) in [(Some(0), None), (Some(201), None), (None, Some("x"))] {
            let problem = paging(limit, cursor).part(all(), |n| n).expect_err("refused");
            assert_eq!(problem.code, Code::BadParameter);
        }
    }
}
