//! What each role sees, and how answers add up.
