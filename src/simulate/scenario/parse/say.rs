//! What parties say, as it was typed and as it is meant.

use std::ops::Range;

use toml::Spanned;

use super::super::super::check::{did_you_mean, quote};
use super::super::document::{
    ForgeDocument, ForkDocument, SayDocument, StepDocument, VetoDocument,
};
use super::super::{EventKind, Said, Saying, Wrong};
use super::{Reader, line_of};

impl Reader<'_> {
    pub(super) fn said(&mut self, saying: Saying, said: SayDocument, span: &Range<usize>) -> Said {
        Said {
            saying,
            by: self.names(said.by.unwrap_or_default()),
            case: said.case.map(|case| self.name(case)),
            path: said.path.map(|path| self.name(path)),
            why: said.why,
            approve: said.approve,
            outcome: said.outcome,
            expires: said.expires.map(|expires| self.duration(&expires)),
            wrong: None,
            line: line_of(self.text, span.start),
        }
    }

    /// A veto is of a case where it names one, and of a coin's trigger otherwise.
    pub(super) fn veto(&mut self, veto: VetoDocument, span: &Range<usize>) -> EventKind {
        if veto.case.is_none() {
            if veto.why.is_some() || veto.expires.is_some() {
                let message = "`why` and `expires` are for the veto of a `case`";
                self.fault(span, message);
            }
            let step = StepDocument {
                coin: veto.coin,
                coins: veto.coins,
                path: veto.path,
                by: veto.by,
                broadcaster: veto.broadcaster,
                to: veto.to,
                amount: veto.amount,
                pay: veto.pay,
                unconfirmed: veto.unconfirmed,
                bare: false,
                replace: false,
                regardless: false,
            };
            return EventKind::Veto(self.step(step, span));
        }
        let is_of_a_coin = veto.coin.is_some()
            || veto.coins.is_some()
            || veto.broadcaster.is_some()
            || veto.to.is_some()
            || veto.amount.is_some()
            || veto.pay.is_some()
            || veto.unconfirmed;
        if is_of_a_coin {
            let message =
                "a veto is of a `case` or of the trigger of a `coin`; write an event for each";
            self.fault(span, message);
        }
        let said = SayDocument {
            by: veto.by,
            case: veto.case,
            path: veto.path,
            why: veto.why,
            approve: None,
            outcome: None,
            expires: veto.expires,
        };
        EventKind::Say(self.said(Saying::Veto, said, span))
    }

    pub(super) fn forge(&mut self, forge: ForgeDocument, span: &Range<usize>) -> Said {
        let said = SayDocument {
            by: forge.by,
            case: forge.case,
            path: forge.path,
            why: forge.why,
            approve: forge.approve,
            outcome: forge.outcome,
            expires: None,
        };
        let saying = self.saying(&forge.say);
        let author = self.name(forge.author);
        Said {
            wrong: Some(Wrong::Forged(author)),
            ..self.said(saying, said, span)
        }
    }

    pub(super) fn fork(&mut self, fork: ForkDocument, span: &Range<usize>) -> Said {
        let said = SayDocument {
            by: fork.by,
            case: fork.case,
            path: fork.path,
            why: fork.why,
            approve: fork.approve,
            outcome: fork.outcome,
            expires: None,
        };
        let saying = self.saying(&fork.say);
        Said {
            wrong: Some(Wrong::Forked),
            ..self.said(saying, said, span)
        }
    }

    fn saying(&mut self, typed: &Spanned<String>) -> Saying {
        let text = typed.get_ref();
        let mut all = Saying::ALL.into_iter();
        all.find(|saying| saying.as_str() == text)
            .unwrap_or_else(|| {
                let words = Saying::ALL.iter().map(|saying| saying.as_str());
                let similar = did_you_mean(text, words.clone());
                let words: Vec<&str> = words.collect();
                let quoted = quote(text);
                let words = words.join(", ");
                let message = format!("{quoted} is nothing to say; write one of {words}{similar}");
                self.fault(&typed.span(), message);
                Saying::Heartbeat
            })
    }
}
