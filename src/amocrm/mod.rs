//! The CRM: tokens, one rate limit, transport, classified errors, lead <-> JSON.
