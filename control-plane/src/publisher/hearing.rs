//! Hearing what a gate says of the releases that it gets, and passing on what counts.

use tokio::sync::mpsc;

use super::gate_client::Answer;
use super::refusals::{Word, is_verdict, of_isolates};
use super::release::Release;
use super::{Context, Isolate, PushError};
use crate::domain::{GateRefusal, GateUrl, KeyspaceId};

/// So often in a row a gate refuses before that counts: bytes may be damaged on their way.
const REFUSALS: u32 = 2;

/// One gate, as it is heard.
pub(super) struct Hearing {
    context: Context,
    id: KeyspaceId,
    gate: GateUrl,
    words: mpsc::Sender<Word>,
    /// How often in a row it refused what it got; `None` before it was heard.
    refused: Option<u32>,
}

impl Hearing {
    pub(super) fn new(context: Context, id: KeyspaceId, gate: GateUrl, words: mpsc::Sender<Word>) -> Self {
        Self { context, id, gate, words, refused: None }
    }

    /// Hears what became of a push.
    pub(super) fn push(&mut self, release: &Release, pushed: &Result<Answer, PushError>) {
        match pushed {
            Ok(answer) => self.isolates(release, &answer.isolates),
            Err(error) if is_verdict(&error.code) => {
                let held = self.context.app.propagation.of(self.id, &self.gate).applied_seq;
                self.refusal(release, error.clone(), held.unwrap_or(0));
            }
            Err(_) => {}
        }
    }

    /// Hears what the isolates of the gate say.
    pub(super) fn isolates(&mut self, release: &Release, isolates: &[Isolate]) {
        match of_isolates(isolates) {
            Some((error, held)) => self.refusal(release, error, held),
            None => self.consent(),
        }
    }

    fn consent(&mut self) {
        if self.refused.replace(0) != Some(0) {
            self.say(None, Word::Takes(self.gate.clone()));
        }
    }

    fn refusal(&mut self, release: &Release, PushError { code, message }: PushError, held: u64) {
        let times = self.refused.unwrap_or(0) + 1;
        self.refused = Some(times);
        if times >= REFUSALS {
            let (gate, seq, at) = (self.gate.clone(), release.head().seq, self.context.app.now());
            let refusal = GateRefusal { gate, code, message, seq, at };
            let holds = Some(held).filter(|held| *held > 0);
            self.say(Some(refusal.clone()), Word::Refuses { refusal, holds });
        }
    }

    fn say(&self, refusal: Option<GateRefusal>, word: Word) {
        self.context.app.propagation.update(self.id, &self.gate, |state| {
            match (&mut state.refusal, refusal) {
                // Since when is what people ask.
                (Some(known), Some(refusal)) if known.code == refusal.code => known.seq = refusal.seq,
                (known, refusal) => *known = refusal,
            }
        });
        // There is room unless the keyspace's task is busy, and then this is said again.
        let _ = self.words.try_send(word);
    }
}
