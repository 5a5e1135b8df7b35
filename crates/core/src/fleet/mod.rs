//! The fleet file: from bytes to a [`crate::model::Fleet`] and every finding at once.
