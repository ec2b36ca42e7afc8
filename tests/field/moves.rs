//! Names and answers stay with their images, whatever people do to folders and tables.
