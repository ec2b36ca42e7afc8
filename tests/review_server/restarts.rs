//! What a server that is started again has in common with the one before.

use crate::{serve, space, trapline};

#[test]
fn the_token_stays_valid_over_a_restart_and_is_kept_for_its_owner_alone() {
    let space = space();
    let first = serve(&space, &[]);
    let token = first.token.clone();
    drop(first);
    let second = serve(&space, &[]);
    assert_eq!(second.token, token);
    let kept: Vec<_> = std::fs::read_dir(space.path(".trapline/review")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&kept[0]).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // A page that was opened to answer does not find itself at one that decides.
    let judge = serve(&space, &["--adjudicate"]);
    assert_ne!(judge.token, token);
    judge.ask("GET", "/api/session").instead("Authorization", &format!("Bearer {token}")).refused(401, "token");
    let third = serve(&space, &["--new-token"]);
    assert_ne!(third.token, token);
    third.ask("GET", "/api/session").instead("Authorization", &format!("Bearer {token}")).refused(401, "token");
    // The store's own commands leave it alone.
    for arguments in [&["cache", "verify"][..], &["cache", "gc", "--dry-run"]] {
        let (code, _, err) = trapline(&space, arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
    }
    assert_eq!(std::fs::read_dir(space.path(".trapline/review")).unwrap().count(), 2);
}

#[test]
fn others_who_may_reach_the_page_get_a_token_that_nobody_keeps() {
    let space = space();
    let open = serve(&space, &["--listen", "0.0.0.0"]);
    assert!(!space.path(".trapline/review").exists());
    let again = serve(&space, &["--listen", "0.0.0.0"]);
    assert_ne!(open.token, again.token);
}
