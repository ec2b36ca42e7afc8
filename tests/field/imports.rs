//! Results and labels of other programs: each row belongs to one image, or it is said.
