//! The CRM that takes the leads.

pub mod amocrm;
