//! What every backend promises. A backend's tests call [`holds`] with a way to open an empty store.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use latchkey_control_plane::domain::KeyspaceSettings;
use latchkey_control_plane::domain::audit::ChainVerifier;
use latchkey_control_plane::domain::error::ObjectKind;
use latchkey_control_plane::domain::role::{NewRole, RoleDraft};
use latchkey_control_plane::domain::{
    Actor, AdminKey, ChangeKind, DomainError, FieldErrors, IdSource, KeyDraft, KeyId, KeyPatch,
    KeyspaceDraft, KeyspaceId, NewKey, PageRequest, Policy, Precondition, Revocation, RevocationReason,
    Secret, Timestamp, Workspace, WorkspaceId,
};
use latchkey_control_plane::storage::{
    Body, BodyChanges, DeleteMode, HISTORY_ROWS, HeadKind, HeadOutline, KeyFilter, NewKeyspace, Publication,
    PublishedHead, SealedSigningKey, Store, StoreError, TagRange,
};
use latchkey_token::Digest;

use super::usage;

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);
const PAGE: PageRequest = PageRequest { limit: 100, before: None };

/// Runs every claim, each on a store of its own.
pub(super) async fn holds<S: Store>(open: impl AsyncFn() -> S) {
    for claim in 0..=14 {
        let fixture = Fixture::new(Arc::new(open().await)).await;
        match claim {
            0 => bootstrap_happens_once(fixture).await,
            1 => mutations_leave_state_change_and_audit_together(fixture).await,
            2 => refused_mutations_leave_nothing(fixture).await,
            3 => other_workspaces_find_nothing(fixture).await,
            4 => revoking_twice_is_revoking_once(fixture).await,
            5 => changes_since_tells_each_changed_key_once(fixture).await,
            6 => base_rows_come_in_tag_order_and_forget_the_dead(fixture).await,
            7 => heads_are_numbered_without_repeats(fixture).await,
            8 => purged_keys_are_told_of_as_revoked(fixture).await,
            9 => usage::reports_count_once_and_only_for_their_own_keyspace(fixture).await,
            10 => usage::reports_do_not_hold_up_mutations(fixture).await,
            12 => every_secret_that_changed_has_its_tag_told(fixture).await,
            13 => heads_that_bring_nothing_are_counted_with_the_one_that_they_repeat(fixture).await,
            11 => changes_are_told_of_even_if_their_caller_went_away(fixture).await,
            _ => concurrent_mutations_are_numbered_without_gaps(fixture).await,
        }
    }
}

pub(super) struct Fixture {
    pub(super) store: Arc<dyn Store>,
    ids: IdSource,
    pub(super) actor: Actor,
}

impl Fixture {
    async fn new(store: Arc<dyn Store>) -> Self {
        let ids = IdSource::default();
        let workspace: WorkspaceId = ids.next(NOW);
        let actor = Actor::system(workspace, ids.next(NOW));
        let fixture = Self { store, ids, actor };
        assert!(fixture.bootstrap(workspace).await);
        fixture
    }

    async fn bootstrap(&self, id: WorkspaceId) -> bool {
        let workspace = Workspace { id, name: "W".into(), created_at: NOW };
        let admin_key = AdminKey::first(self.ids.next(NOW), id, "A", "lkadm_live_1", NOW);
        self.store.bootstrap(&self.actor, workspace, admin_key, [9; 32], b"check".to_vec()).await.unwrap()
    }

    pub(super) async fn keyspace(&self) -> KeyspaceId {
        let id = self.ids.next(NOW);
        let draft = KeyspaceDraft { name: Some("Demo".into()), ..Default::default() };
        let settings: KeyspaceSettings = draft.check(FieldErrors::default()).unwrap();
        let signing_key = SealedSigningKey { public_key: [1; 32], sealed_seed: b"sealed".to_vec() };
        let made = self
            .store
            .create_keyspace(&self.actor, NewKeyspace { id, settings, roles: vec![], signing_key, at: NOW })
            .await
            .unwrap();
        assert_eq!((made.value.id, made.change_seq, made.value.change_seq), (id, 1, 1));
        id
    }

    fn new_key(&self, keyspace_id: KeyspaceId, digest: [u8; 32], draft: KeyDraft) -> NewKey {
        let (name, settings) = draft.check(FieldErrors::default(), NOW, Some(90)).unwrap();
        let secret = Secret {
            id: self.ids.next(NOW),
            digest: Digest(digest),
            start: "lk_test_abcd".into(),
            created_at: NOW,
            expires_at: None,
            last_used_at: None,
        };
        NewKey { id: self.ids.next(NOW), keyspace_id, name, settings, secret, at: NOW }
    }

    pub(super) async fn key(&self, keyspace: KeyspaceId, digest: [u8; 32]) -> KeyId {
        let new = self.new_key(keyspace, digest, KeyDraft::default());
        self.store.create_key(&self.actor, new).await.unwrap().value.id
    }

    async fn kinds(&self, keyspace: KeyspaceId) -> Vec<ChangeKind> {
        let changes = self.store.changes(keyspace, 0, 1_000).await.unwrap();
        assert!(changes.iter().zip(1..).all(|(change, seq)| change.seq == seq), "the change log has gaps");
        changes.iter().map(|change| change.kind).collect()
    }

    async fn audit_rows(&self) -> u64 {
        let mut chain = ChainVerifier::default();
        let rows = self.store.audit_entries(self.actor.workspace_id, 0, 10_000).await.unwrap();
        rows.iter().try_for_each(|row| chain.take(row)).unwrap();
        chain.rows()
    }
}

fn revocation(note: Option<&str>, at: Timestamp) -> Revocation {
    Revocation { at, reason: RevocationReason::Admin, note: note.map(str::to_owned) }
}

pub(super) fn digest(first: u8, rest: u8) -> [u8; 32] {
    let mut digest = [rest; 32];
    digest[0] = first;
    digest
}

fn tag(first: u8, rest: u8) -> [u8; 16] {
    let mut tag = [rest; 16];
    tag[0] = first;
    tag
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> DomainError {
    match outcome.unwrap_err() {
        StoreError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

async fn bootstrap_happens_once(f: Fixture) {
    assert!(!f.bootstrap(f.ids.next(NOW)).await);
    assert_eq!(f.store.audited_workspaces().await.unwrap(), [f.actor.workspace_id]);
    assert_eq!(
        f.store.presented_admin_key([9; 32]).await.unwrap().unwrap().workspace_id,
        f.actor.workspace_id
    );
    assert_eq!(f.store.presented_admin_key([8; 32]).await.unwrap(), None);
    assert_eq!(f.store.master_key_check().await.unwrap().as_deref(), Some(&b"check"[..]));
    assert_eq!(f.audit_rows().await, 1);
}

async fn mutations_leave_state_change_and_audit_together(f: Fixture) {
    let keyspace = f.keyspace().await;
    let key = f.key(keyspace, digest(1, 1)).await;
    let patch = KeyPatch { name: Some(Some("N".into())), ..Default::default() };
    let patched = f.store.update_key(&f.actor, key, Precondition::Any, patch, NOW).await.unwrap();
    assert_eq!((patched.change_seq, patched.value.change_seq, patched.value.name.as_str()), (3, 3, "N"));
    f.store.revoke_key(&f.actor, key, Precondition::Any, revocation(Some("why"), NOW)).await.unwrap();
    f.store.replace_policy(&f.actor, keyspace, Policy::default(), NOW).await.unwrap();
    f.store.delete_keyspace(&f.actor, keyspace, DeleteMode::OnlyWithoutLiveKeys, NOW).await.unwrap();
    use ChangeKind::{KeyCreated, KeyRevoked, KeyUpdated, KeyspaceCreated, KeyspaceDeleted, PolicyReplaced};
    let wanted = [KeyspaceCreated, KeyCreated, KeyUpdated, KeyRevoked, PolicyReplaced, KeyspaceDeleted];
    assert_eq!(f.kinds(keyspace).await, wanted);
    assert_eq!(f.audit_rows().await, 1 + wanted.len() as u64);
}

async fn refused_mutations_leave_nothing(f: Fixture) {
    let keyspace = f.keyspace().await;
    let key = f.key(keyspace, digest(1, 1)).await;
    let name = f.store.key(f.actor.workspace_id, key).await.unwrap().name;
    let taken =
        f.new_key(keyspace, digest(2, 2), KeyDraft { name: Some(name.clone()), ..Default::default() });
    assert_eq!(
        refusal(f.store.create_key(&f.actor, taken).await),
        DomainError::NameTaken { name, holder: key }
    );
    let unknown_role =
        f.new_key(keyspace, digest(3, 3), KeyDraft { roles: Some(vec!["x".into()]), ..Default::default() });
    assert!(matches!(refusal(f.store.create_key(&f.actor, unknown_role).await), DomainError::Invalid(_)));
    let deleted = f.store.delete_keyspace(&f.actor, keyspace, DeleteMode::OnlyWithoutLiveKeys, NOW).await;
    assert_eq!(refusal(deleted), DomainError::KeyspaceInUse { live_keys: 1 });
    // The same secret twice cannot be told apart at a gate.
    let twin = f.new_key(keyspace, digest(1, 1), KeyDraft::default());
    assert!(f.store.create_key(&f.actor, twin).await.is_err());
    assert_eq!(f.kinds(keyspace).await.len(), 2);
    assert_eq!(f.audit_rows().await, 3);
    assert_eq!(f.store.keyspace(f.actor.workspace_id, keyspace).await.unwrap().change_seq, 2);
}

async fn other_workspaces_find_nothing(f: Fixture) {
    let keyspace = f.keyspace().await;
    let key = f.key(keyspace, digest(1, 1)).await;
    let stranger = Actor::system(f.ids.next(NOW), f.ids.next(NOW));
    let other = stranger.workspace_id;
    let (no_keyspace, no_key) =
        (DomainError::NotFound(ObjectKind::Keyspace), DomainError::NotFound(ObjectKind::Key));
    assert_eq!(refusal(f.store.keyspace(other, keyspace).await), no_keyspace);
    assert_eq!(refusal(f.store.policy(other, keyspace).await), no_keyspace);
    assert_eq!(refusal(f.store.keys(other, keyspace, KeyFilter::default(), PAGE, NOW).await), no_keyspace);
    assert_eq!(refusal(f.store.key(other, key).await), no_key);
    assert!(f.store.keyspaces(other, PAGE).await.unwrap().items.is_empty());
    assert_eq!(
        refusal(f.store.revoke_key(&stranger, key, Precondition::Any, revocation(None, NOW)).await),
        no_key
    );
    assert_eq!(
        refusal(f.store.update_key(&stranger, key, Precondition::Any, KeyPatch::default(), NOW).await),
        no_key
    );
    assert_eq!(
        refusal(f.store.replace_policy(&stranger, keyspace, Policy::default(), NOW).await),
        no_keyspace
    );
    assert_eq!(
        refusal(f.store.delete_keyspace(&stranger, keyspace, DeleteMode::RevokeLiveKeys, NOW).await),
        no_keyspace
    );
    let new = f.new_key(keyspace, digest(2, 2), KeyDraft::default());
    assert_eq!(refusal(f.store.create_key(&stranger, new).await), no_keyspace);
    assert_eq!(f.kinds(keyspace).await.len(), 2);
}

async fn revoking_twice_is_revoking_once(f: Fixture) {
    let keyspace = f.keyspace().await;
    let key = f.key(keyspace, digest(1, 1)).await;
    let first =
        f.store.revoke_key(&f.actor, key, Precondition::Any, revocation(Some("first"), NOW)).await.unwrap();
    let later = Timestamp(NOW.0 + 1_000);
    let again =
        f.store.revoke_key(&f.actor, key, Precondition::Any, revocation(Some("again"), later)).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(
        refusal(f.store.update_key(&f.actor, key, Precondition::Any, KeyPatch::default(), later).await),
        DomainError::KeyRevoked(key)
    );
    assert_eq!((f.kinds(keyspace).await.len(), f.audit_rows().await), (3, 4));
}

async fn changes_since_tells_each_changed_key_once(f: Fixture) {
    let keyspace = f.keyspace().await;
    let first = f.key(keyspace, digest(1, 1)).await;
    let second = f.key(keyspace, digest(2, 2)).await;
    // The first 8 bytes of its tag are those of the first key's.
    let mut sharing = digest(1, 1);
    sharing[8] = 99;
    f.key(keyspace, sharing).await;
    f.store
        .update_key(
            &f.actor,
            first,
            Precondition::Any,
            KeyPatch { enabled: Some(Some(false)), ..Default::default() },
            NOW,
        )
        .await
        .unwrap();
    f.store.revoke_key(&f.actor, first, Precondition::Any, revocation(None, NOW)).await.unwrap();
    f.store.revoke_key(&f.actor, second, Precondition::Any, revocation(None, NOW)).await.unwrap();
    let changes = f.store.changes_since(keyspace, 4, 10).await.unwrap();
    assert_eq!(
        (changes.through_seq, changes.too_many, changes.settings_changed, changes.killed),
        (7, false, false, false)
    );
    let keys: Vec<_> = changes
        .keys
        .iter()
        .map(|key| (key.change_seq, key.rows[0].row.key_id, key.rows[0].shares_prefix))
        .collect();
    assert_eq!(keys, [(6, first, true), (7, second, false)]);
    assert!(changes.keys.iter().all(|key| key.rows[0].row.revoked));
    let all = f.store.changes_since(keyspace, 0, 10).await.unwrap();
    assert!(all.keys.len() == 3 && all.settings_changed);
    let bounded = f.store.changes_since(keyspace, 0, 2).await.unwrap();
    assert!(bounded.too_many && bounded.keys.is_empty());
    let settings = RoleDraft { name: Some("reader".into()), grants: Some(vec![]), description: None };
    let new = NewRole { id: f.ids.next(NOW), settings: settings.check(FieldErrors::default()).unwrap() };
    f.store.create_role(&f.actor, keyspace, new, NOW).await.unwrap();
    let changes = f.store.changes_since(keyspace, 7, 10).await.unwrap();
    assert!(changes.keys.is_empty() && changes.settings_changed && changes.through_seq == 8);
    f.store.delete_keyspace(&f.actor, keyspace, DeleteMode::RevokeLiveKeys, NOW).await.unwrap();
    assert!(f.store.changes_since(keyspace, 8, 10).await.unwrap().killed);
    let (_, state, _) = f.store.publishing_state(keyspace).await.unwrap().unwrap();
    assert_eq!(state.role_numbers().get("reader"), Some(&1));
}

async fn base_rows_come_in_tag_order_and_forget_the_dead(f: Fixture) {
    let keyspace = f.keyspace().await;
    for first in [200, 3, 90, 7, 250] {
        f.key(keyspace, digest(first, 0)).await;
    }
    let old = f.key(keyspace, digest(50, 0)).await;
    f.store
        .revoke_key(&f.actor, old, Precondition::Any, revocation(None, Timestamp(NOW.0 - 1_000)))
        .await
        .unwrap();
    let fresh = f.key(keyspace, digest(60, 0)).await;
    f.store.revoke_key(&f.actor, fresh, Precondition::Any, revocation(None, NOW)).await.unwrap();
    let mut firsts = Vec::new();
    let mut range = TagRange::default();
    loop {
        let page = f.store.base_rows(keyspace, range, 2, NOW).await.unwrap();
        firsts.extend(page.rows.iter().map(|row| (row.tag[0], row.revoked)));
        match page.rows.last() {
            Some(last) if !page.is_last => range.after = Some(last.tag),
            _ => break,
        }
    }
    assert_eq!(firsts, [(3, false), (7, false), (60, true), (90, false), (200, false), (250, false)]);
    let at_most = f.store.base_row_count(keyspace).await.unwrap();
    assert!((6..=7).contains(&at_most), "{at_most}: the forgotten row may count");
    let range = TagRange { after: Some(tag(7, 0)), through: Some(tag(90, 0)) };
    let page = f.store.base_rows(keyspace, range, 10, NOW).await.unwrap().rows;
    assert_eq!(page.iter().map(|row| row.tag[0]).collect::<Vec<_>>(), [60, 90]);
    let profiles: HashSet<_> = page.iter().map(|row| Arc::as_ptr(&row.profile)).collect();
    assert_eq!(profiles.len(), 1, "equal profiles of a page are one");
}

/// Whoever builds a base out of an earlier one looks at these only.
async fn every_secret_that_changed_has_its_tag_told(f: Fixture) {
    let keyspace = f.keyspace().await;
    let mut keys = Vec::new();
    for first in [1, 2, 3] {
        keys.push(f.key(keyspace, digest(first, first)).await);
    }
    let changed = async |after, limit| {
        let tags = f.store.changed_tags(keyspace, after, limit).await.unwrap();
        tags.map(|tags| tags.into_iter().collect::<BTreeSet<_>>())
    };
    let created = f.store.changes(keyspace, 0, 100).await.unwrap().last().unwrap().seq;
    assert_eq!(changed(created, 10).await, Some(BTreeSet::new()));
    f.store.revoke_key(&f.actor, keys[1], Precondition::Any, revocation(None, NOW)).await.unwrap();
    assert_eq!(changed(created, 10).await, Some(BTreeSet::from([tag(2, 2)])));
    assert_eq!(changed(created - 1, 10).await, Some(BTreeSet::from([tag(2, 2), tag(3, 3)])));
    assert_eq!(changed(created - 1, 1).await, None, "too many");
    assert_eq!(f.store.purge_keys(&f.actor, keyspace, 10, NOW.plus_days(30)).await.unwrap(), 1);
    assert_eq!(changed(created, 10).await, Some(BTreeSet::from([tag(2, 2)])), "also what was purged since");
    assert_eq!(changed(0, 10).await, None, "the keyspace's own change may concern every key");
}

async fn purged_keys_are_told_of_as_revoked(f: Fixture) {
    let keyspace = f.keyspace().await;
    let doomed = f.key(keyspace, digest(1, 1)).await;
    let other = f.key(keyspace, digest(2, 2)).await;
    let restored = f.key(keyspace, digest(3, 3)).await;
    // The first 8 bytes of its tag are those of the doomed key's.
    let mut sharing = digest(1, 1);
    sharing[8] = 99;
    f.key(keyspace, sharing).await;
    for key in [doomed, other, restored] {
        f.store.revoke_key(&f.actor, key, Precondition::Any, revocation(None, NOW)).await.unwrap();
    }
    let last_moment = Timestamp(NOW.plus_days(30).0 - 1);
    f.store.restore_key(&f.actor, restored, Precondition::Any, last_moment).await.unwrap();
    assert_eq!(f.store.keyspaces_to_purge(last_moment).await.unwrap(), []);
    assert_eq!(f.store.purge_keys(&f.actor, keyspace, 10, last_moment).await.unwrap(), 0);

    let due = NOW.plus_days(30);
    assert_eq!(f.store.keyspaces_to_purge(due).await.unwrap(), [(f.actor.workspace_id, keyspace)]);
    let (changes, rows) = (f.kinds(keyspace).await, f.audit_rows().await);
    assert_eq!(f.store.purge_keys(&f.actor, keyspace, 1, due).await.unwrap(), 1);
    assert_eq!(f.store.purge_keys(&f.actor, keyspace, 10, due).await.unwrap(), 1);
    assert_eq!(f.store.purge_keys(&f.actor, keyspace, 10, due).await.unwrap(), 0);
    assert_eq!((f.kinds(keyspace).await, f.audit_rows().await), (changes, rows + 2));
    assert_eq!(
        refusal(f.store.key(f.actor.workspace_id, doomed).await),
        DomainError::NotFound(ObjectKind::Key)
    );

    let told = f.store.changes_since(keyspace, 5, 10).await.unwrap();
    let told: Vec<_> = told
        .keys
        .iter()
        .map(|key| {
            (key.change_seq, key.rows[0].row.key_id, key.rows[0].row.revoked, key.rows[0].shares_prefix)
        })
        .collect();
    assert_eq!(told, [(6, doomed, true, true), (7, other, true, false), (9, restored, false, false)]);
    assert!(f.store.changes_since(keyspace, 5, 2).await.unwrap().too_many);
    let base = f.store.base_rows(keyspace, TagRange::default(), 10, NOW).await.unwrap();
    assert_eq!(base.rows.iter().map(|row| row.tag[0]).collect::<Vec<_>>(), [1, 3]);
    let again = f.new_key(keyspace, digest(1, 1), KeyDraft::default());
    assert_eq!(refusal(f.store.create_key(&f.actor, again).await), DomainError::TokenAlreadyUsed);
    let home = f.store.home_of_token(f.actor.workspace_id, Digest(digest(1, 1))).await.unwrap();
    assert_eq!(home, Some((keyspace, None)));
}

async fn changes_are_told_of_even_if_their_caller_went_away(f: Fixture) {
    let keyspace = f.keyspace().await;
    let key = f.key(keyspace, digest(1, 1)).await;
    let mut notices = f.store.subscribe();
    let mut revoking = Box::pin(f.store.revoke_key(&f.actor, key, Precondition::Any, revocation(None, NOW)));
    tokio::select! {
        biased;
        _ = &mut revoking => {}
        () = std::future::ready(()) => {}
    }
    drop(revoking);
    let told = tokio::time::timeout(std::time::Duration::from_secs(30), notices.recv()).await;
    assert_eq!(told.expect("nobody is told of the change").unwrap(), keyspace);
    assert!(f.store.key(f.actor.workspace_id, key).await.unwrap().revocation.is_some());
}

async fn heads_are_numbered_without_repeats(f: Fixture) {
    let id = f.keyspace().await;
    let head = |seq: u64| Publication {
        keyspace_id: id,
        epoch: 1,
        seq,
        change_seq: 1,
        head: vec![seq as u8],
        base_bytes: 0,
        issued_at: NOW,
    };
    let body = |byte: u8| Body { hash: [byte; 32], bytes: vec![byte] };
    let conflict = |outcome| matches!(outcome, Err(StoreError::PublicationConflict));
    assert!(conflict(f.store.release(head(2), 1, BodyChanges::default(), outline()).await));
    let first = BodyChanges { added: vec![body(1), body(2)], dropped: vec![] };
    f.store.release(head(1), 0, first, outline()).await.unwrap();
    for (seq, after) in [(1, 0), (2, 0), (0, 1), (1, 1), (3, 2)] {
        let changes = BodyChanges { added: vec![body(9)], dropped: vec![[1; 32]] };
        assert!(conflict(f.store.release(head(seq), after, changes, outline()).await), "{seq} after {after}");
    }
    assert_eq!(f.store.publication(id).await.unwrap(), Some(head(1)));
    assert_eq!(f.store.body(id, [9; 32]).await.unwrap(), None);
    f.store
        .release(head(4), 1, BodyChanges { added: vec![body(3), body(2)], dropped: vec![[1; 32]] }, outline())
        .await
        .unwrap();
    f.store.keep_bodies(id, vec![body(3), body(4)]).await.unwrap();
    f.store.forget_bodies_except(id, vec![[4; 32], [2; 32]]).await.unwrap();
    let mut held = Vec::new();
    for byte in 1..=4 {
        held.push(f.store.body(id, [byte; 32]).await.unwrap().is_some());
    }
    assert_eq!(held, [false, true, false, true]);
}

fn outline() -> HeadOutline {
    HeadOutline {
        base: [1; 32],
        segments: [1; 32],
        segment_count: 1,
        row_count: 1,
        bytes: 1,
        signers: vec!["one".to_owned()],
        consented: false,
    }
}

async fn heads_that_bring_nothing_are_counted_with_the_one_that_they_repeat(f: Fixture) {
    let id = f.keyspace().await;
    let rows = usize::try_from(HISTORY_ROWS).unwrap();
    let mut seq = 0;
    let mut release = async |change_seq: u64, outline: HeadOutline| {
        seq += 1;
        let publication = Publication {
            keyspace_id: id,
            epoch: 1,
            seq,
            change_seq,
            head: vec![1],
            base_bytes: 0,
            issued_at: Timestamp(NOW.0 + i64::try_from(seq).unwrap()),
        };
        f.store.release(publication, seq - 1, BodyChanges::default(), outline).await.unwrap();
    };
    release(1, outline()).await;
    for _ in 0..5 {
        release(1, outline()).await;
    }
    release(2, HeadOutline { segments: [2; 32], ..outline() }).await;
    release(3, HeadOutline { segments: [2; 32], ..outline() }).await;
    let both = vec!["one".to_owned(), "two".to_owned()];
    release(3, HeadOutline { segments: [2; 32], signers: both.clone(), ..outline() }).await;
    release(3, HeadOutline { base: [3; 32], signers: both, consented: true, ..outline() }).await;

    let list =
        async |page: PageRequest| f.store.published_heads(f.actor.workspace_id, id, page).await.unwrap();
    let page = list(PageRequest { limit: 3, before: None }).await;
    let told = |heads: &[PublishedHead]| -> Vec<_> {
        heads.iter().map(|head| (head.kind, head.first_seq, head.last_seq)).collect()
    };
    assert_eq!(
        told(&page.items),
        [(HeadKind::Base, 10, 10), (HeadKind::Signature, 9, 9), (HeadKind::Settings, 8, 8)]
    );
    assert!(page.has_more && page.items[0].consented && page.items[1].signers.len() == 2);
    let older = list(PageRequest { limit: 3, before: Some(page.items[2].number) }).await;
    assert_eq!(told(&older.items), [(HeadKind::Segment, 7, 7), (HeadKind::Base, 1, 6)]);
    assert!(!older.has_more && older.items[1].last_issued_at == Timestamp(NOW.0 + 6));

    for change in 0..HISTORY_ROWS {
        release(4 + change, outline()).await;
    }
    let mut kept = 0;
    let mut before = None;
    loop {
        let page = list(PageRequest { limit: 100, before }).await;
        kept += page.items.len();
        before = page.items.last().map(|head| head.number);
        if !page.has_more {
            break;
        }
    }
    assert_eq!(kept, rows);
    let elsewhere =
        f.store.published_heads(WorkspaceId(77), id, PageRequest { limit: 1, before: None }).await;
    assert!(matches!(elsewhere, Err(StoreError::Refused(DomainError::NotFound(_)))));
}

async fn concurrent_mutations_are_numbered_without_gaps(f: Fixture) {
    let keyspace = f.keyspace().await;
    let mut notices = f.store.subscribe();
    let tasks: Vec<_> = (0..200u32)
        .map(|number| {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&number.to_be_bytes());
            let new = f.new_key(keyspace, digest, KeyDraft::default());
            let (store, actor) = (Arc::clone(&f.store), f.actor.clone());
            tokio::spawn(async move { store.create_key(&actor, new).await.unwrap().change_seq })
        })
        .collect();
    let mut seqs = Vec::new();
    for task in tasks {
        seqs.push(task.await.unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (2..=201).collect::<Vec<_>>());
    assert_eq!((f.kinds(keyspace).await.len(), f.audit_rows().await), (201, 202));
    assert_eq!(notices.recv().await.unwrap(), keyspace);
}
