//! Several processes over one PostgreSQL server, which they have for themselves, so that it can be crashed.

mod crashes;
mod import;
mod load;
mod place;
mod proxy;
mod served;
mod standstill;
