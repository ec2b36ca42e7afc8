//! Files, tables and templates that ask for more than they should.
