//! Images and folders that vanish, and files that are not images of the archive.
