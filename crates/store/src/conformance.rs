//! What every backend must do, as functions over a pair of handles.
