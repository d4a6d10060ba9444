//! Publishing that is paused: no gate takes what was published, so revocations go out over the last release that gates took, and nothing else
//! does until an operator resumes.

use std::sync::Arc;

use super::super::PublishError;
use super::super::content::{Changes, Content};
use super::super::refusals::{Objection, Word};
use super::super::release::Release;
use super::super::twin::Twin;
use super::occasion::Due;
use super::signing::Settings;
use super::{KeyspacePublisher, Outlook, report};
use crate::domain::{GateRefusal, GateUrl, Keyspace, Pause, PolicyState};
use crate::storage::{ChangesSince, Signing};

/// What no gate takes, and what to fall back to.
pub(super) struct Refused {
    pause: Pause,
    basis: Release,
}

impl KeyspacePublisher {
    /// Takes note of what a gate says of a release.
    pub(super) async fn hear(&mut self, word: Word) {
        let noted = match word {
            Word::Takes(gate) => {
                self.refusals.forget(&gate);
                self.store.forget_gate_refusal(self.id, gate).await
            }
            Word::Refuses { refusal, holds } => {
                if !self.refusals.add(refusal.clone(), holds) {
                    return;
                }
                let GateRefusal { gate, code, message, seq, .. } = &refusal;
                tracing::error!(
                    event = "gate.refused", keyspace.id = %self.id, gate = gate.as_str(), head.seq = seq, code, message,
                    "a gate says that what was published is bad"
                );
                self.store.note_gate_refusal(self.id, refusal).await
            }
        };
        if let Err(error) = noted {
            report(self.id, &error.into());
        }
    }

    /// Whether what gates refuse has to be given up.
    pub(super) async fn judge_refusals(&mut self, gates: &[GateUrl]) -> Option<Refused> {
        if self.pause.is_some() {
            return None;
        }
        self.refusals.keep(gates);
        if self.refusals.is_unchecked() {
            let is_confirmed = !self.is_good().await;
            self.refusals.note_check(is_confirmed);
        }
        let propagation = &self.context.app.propagation;
        let state_of = |gate: &GateUrl| propagation.of(self.id, gate);
        let Objection { refusal, holds, is_confirmed } = self.refusals.judge(gates, state_of)?;
        let current = self.current.as_ref()?;
        // Without one that gates are known to have, after a restart, only what cannot be told from bad is there to go on from.
        let basis = holds.and_then(|seq| self.recent.up_to(seq)).unwrap_or(current).clone();
        let pause = Pause { refusal, change_seq: basis.complete_through, is_confirmed };
        Some(Refused { pause, basis })
    }

    /// Whether a gate of our own that knows nothing yet takes the last release. Ours took each as it was made, but as an addition to the
    /// one before, and what is stored may have been damaged since.
    async fn is_good(&self) -> bool {
        let Some(current) = &self.current else { return true };
        let checked = Twin::new(self.id).accept(self.store.as_ref(), current, None).await;
        !matches!(checked, Err(PublishError::Unverified(_)))
    }

    /// Learns of pauses that were ended, or begun before the start.
    pub(super) fn follow_pause(&mut self, pause: Option<&Pause>) {
        if self.pause.is_some() && pause.is_none() {
            tracing::info!(keyspace.id = %self.id, "publishing is resumed");
            self.refusals.begin_anew_behind(self.last.as_ref().map_or(0, |last| last.seq));
            // The heads of the pause name changes that they do not contain.
            (self.stuck, self.built, self.base) = (true, None, None);
        }
        self.pause = pause.cloned();
    }

    /// Releases who was shut out, over what gates have.
    pub(super) async fn release_revocations(
        &mut self,
        keyspace: Keyspace,
        policy: PolicyState,
        signing: Signing,
        due: Due,
        refused: Option<Refused>,
    ) -> Result<Outlook, PublishError> {
        self.log.read_on(self.store.as_ref(), self.id).await?;
        (self.behind, self.built, self.building) = (false, None, None);
        let basis = refused.as_ref().map(|refused| &refused.basis).or(self.current.as_ref()).cloned();
        let Some(basis) = basis else { return Ok(Outlook::Continues) };
        let settings = Settings { keyspace, policy, encoded: Arc::clone(&basis.policy), signing };
        let is_due = due == Due::Always || refused.is_some();
        if is_due || self.log.shut_out > basis.revoked_through {
            let (content, changed) = self.revocations_over(&basis, &settings.policy).await?;
            self.release_content(&settings, content, &changed).await?;
        }
        if let Some(Refused { pause, .. }) = refused {
            // Only now: if this fails, or the program ends before, publishing goes on, is refused again, and ends up here.
            self.store.pause_publishing(self.id, pause.clone()).await?;
            self.report_pause(&pause);
            self.held = None;
            self.context.app.propagation.set_held(self.id, None);
            self.pause = Some(pause);
        }
        self.gates.set(&settings.keyspace.gates);
        self.sinks.set(&settings.keyspace.sinks).await?;
        Ok(Outlook::Continues)
    }

    async fn revocations_over(
        &self,
        basis: &Release,
        policy: &PolicyState,
    ) -> Result<(Content, ChangesSince), PublishError> {
        let mut content = Content::of_release(basis);
        if self.log.shut_out > basis.revoked_through {
            let changes = Changes { store: self.store.as_ref(), id: self.id, policy };
            return match changes.add_nothing_but_revocations(&mut content).await? {
                Some(changed) => Ok((content, changed)),
                None => Err(PublishError::NoRoom(self.id)),
            };
        }
        // Whatever came since shut nobody out.
        content.revoked_through = content.revoked_through.max(self.log.seen);
        let changed = ChangesSince { through_seq: content.change_seq, ..ChangesSince::default() };
        Ok((content, changed))
    }

    fn report_pause(&self, pause: &Pause) {
        let GateRefusal { gate, code, message, seq, .. } = &pause.refusal;
        tracing::error!(
            event = "snapshot.held", keyspace.id = %self.id, gate = gate.as_str(), head.seq = seq, code, message, pause.is_confirmed,
            "no gate takes what was published; only revocations are published until `latchkey snapshot resume {}`", self.id
        );
    }
}
