//! How much an expression may be and do. The figures are part of what an expression means (one that is
//! stopped by its fuel gives no value), so changing one is a change of the decision version.

/// The longest source, in bytes.
pub(super) const SOURCE_BYTES_MAX: usize = 16 * 1024;
/// The deepest nesting of brackets.
pub(super) const BRACKETS_MAX: usize = 32;
/// The most operators, dots and brackets.
pub(super) const OPERATORS_MAX: usize = 500;
/// The deepest tree of operations.
pub(super) const DEPTH_MAX: usize = 128;
/// How deep `exists`, `all`, `filter`, `map` and the like may stand inside one another.
pub(super) const LOOPS_MAX: usize = 3;
/// How long a list is taken to be when costs are reckoned beforehand.
pub(super) const LIST_ASSUMED: u64 = 50;
/// Steps that one evaluation may take; also the most that an expression may be reckoned to cost.
pub(super) const FUEL: u64 = 2_000_000;
/// The longest text that an expression may make, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 16 * 1024;
/// The biggest compiled pattern of `matches`, in bytes.
pub(super) const PATTERN_BYTES_MAX: usize = 256 * 1024;
