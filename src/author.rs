//! How a policy begins: templates to start from, and questions whose answers make one.
//!
//! Both give a text that [`check`](crate::policy::check) has no objection to, with stand-in keys
//! where the author has none yet.  Nothing here reads or prints anything: who asks the questions,
//! a terminal or a test, is a matter of [`Ask`].

mod draft;
mod interview;
mod stand_in;
mod template;

pub use self::interview::{Ask, interview};
pub use self::template::Template;
