//! What a saga does, as a value that is written down from top to bottom. Knows no execution and no database.

use std::borrow::Cow;
use std::time::Duration;

use futures_util::future::BoxFuture;
use offshoot_contract::{CallContext, CallFailure};
use offshoot_db::Tx;

use crate::owner::{Entry, Owner, Setback, Turn};

/// How long a step may take where nobody says otherwise. Leaves a request of 30 s the time to say that it is pending.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// One step, or what undoes one: calls to other modules under the turn's key. It may be made again at any time, also
/// after it has succeeded.
pub type Action<O> =
    for<'a> fn(&'a O, &'a mut CallContext, Turn<'a, O>) -> BoxFuture<'a, Result<(), Setback<<O as Owner>::Reason>>>;

/// Writes the module's own rows in the transaction of the log, and changes the work accordingly.
pub type Note<O> = for<'a, 't> fn(
    &'a O,
    &'a mut Tx<'t>,
    &'a mut <O as Owner>::Work,
    &'a Entry,
) -> BoxFuture<'a, Result<(), CallFailure>>;

/// The same, told why the saga is undone.
pub type NoteWhy<O> = for<'a, 't> fn(
    &'a O,
    &'a mut Tx<'t>,
    &'a mut <O as Owner>::Work,
    &'a <O as Owner>::Reason,
    &'a Entry,
) -> BoxFuture<'a, Result<(), CallFailure>>;

/// One version of one kind of saga. A saga is carried on by the version that it was begun under: a plan that changes gets
/// a new version, and the old one stays as long as any of its sagas is under way.
pub struct Definition<O: Owner> {
    /// Its name.
    pub kind: &'static str,
    /// From 1.
    pub version: u32,
    /// How long it may take to its point of no return; after that it is undone.
    pub within: Option<Duration>,
    /// What is to be done. The same for the same data, whoever asks and when.
    pub plan: fn(&O::Work) -> Plan<O>,
}

/// Stages, one after the other.
pub struct Plan<O: Owner> {
    pub(crate) stages: Vec<Stage<O>>,
    /// From this many stages on there is no way back.
    pub(crate) pivot: usize,
    pub(crate) undoing: Option<NoteWhy<O>>,
    pub(crate) ended: Option<Note<O>>,
}

/// Steps that are intended together, and whose outcomes are noted together.
pub struct Stage<O: Owner> {
    pub(crate) steps: Vec<Step<O>>,
    pub(crate) together: bool,
    pub(crate) or_undo: bool,
    pub(crate) passed: Option<(&'static str, Note<O>)>,
}

/// One effect in another module.
pub struct Step<O: Owner> {
    pub(crate) name: Cow<'static, str>,
    pub(crate) act: Action<O>,
    pub(crate) timeout: Duration,
    pub(crate) undo: Option<Undo<O>>,
}

pub(crate) struct Undo<O: Owner> {
    pub(crate) name: Cow<'static, str>,
    pub(crate) act: Action<O>,
    /// Only where the step is known to be done; then the undoing of this name is left out.
    pub(crate) instead_of: Option<&'static str>,
}

impl<O: Owner> Step<O> {
    /// A step of this name, unique among those of its subject.
    pub fn new(name: impl Into<Cow<'static, str>>, act: Action<O>) -> Self {
        Self {
            name: name.into(),
            act,
            timeout: STEP_TIMEOUT,
            undo: None,
        }
    }

    /// How long it may take. What becomes of it afterwards is not known.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What takes it back, also where nobody knows whether it was done, and so that it is not done later.
    #[must_use]
    pub fn undone_by(mut self, name: impl Into<Cow<'static, str>>, act: Action<O>) -> Self {
        let name = name.into();
        self.undo = Some(Undo {
            name,
            act,
            instead_of: None,
        });
        self
    }

    /// What takes it back once it is known to be done. Where it is not, `instead_of`, which undoes an earlier step, does.
    #[must_use]
    pub fn reversed_by(mut self, name: impl Into<Cow<'static, str>>, act: Action<O>, instead_of: &'static str) -> Self {
        let name = name.into();
        self.undo = Some(Undo {
            name,
            act,
            instead_of: Some(instead_of),
        });
        self
    }
}

impl<O: Owner> Plan<O> {
    /// A plan that begins with what follows.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "a plan without stages is nothing to default to"
    )]
    pub fn new() -> Self {
        Self {
            stages: Vec::new(),
            pivot: usize::MAX,
            undoing: None,
            ended: None,
        }
    }

    /// Steps one after the other: each needs the one before it.
    #[must_use]
    pub fn in_turn(self, steps: impl IntoIterator<Item = Step<O>>) -> Self {
        self.stage(steps, false)
    }

    /// Steps at the same time: none needs another.
    #[must_use]
    pub fn together(self, steps: impl IntoIterator<Item = Step<O>>) -> Self {
        self.stage(steps, true)
    }

    /// What the module notes when the last stage has passed. The moment's name is also a fault point after that commit.
    #[must_use]
    pub fn then(mut self, moment: &'static str, note: Note<O>) -> Self {
        if let Some(stage) = self.stages.last_mut() {
            stage.passed = Some((moment, note));
        }
        self
    }

    /// From here on it is carried through.
    #[must_use]
    pub fn no_way_back(mut self) -> Self {
        self.pivot = self.stages.len();
        self
    }

    /// If a step of the last stage is refused, everything is undone all the same.
    #[must_use]
    pub fn or_undo(mut self) -> Self {
        if let Some(stage) = self.stages.last_mut() {
            stage.or_undo = true;
        }
        self
    }

    /// What the module notes when the saga turns back, before anything is undone.
    #[must_use]
    pub fn undoing(mut self, note: NoteWhy<O>) -> Self {
        self.undoing = Some(note);
        self
    }

    /// What the module notes at the end, done or undone.
    #[must_use]
    pub fn ended(mut self, note: Note<O>) -> Self {
        self.ended = Some(note);
        self
    }

    fn stage(mut self, steps: impl IntoIterator<Item = Step<O>>, together: bool) -> Self {
        self.stages.push(Stage {
            steps: steps.into_iter().collect(),
            together,
            or_undo: false,
            passed: None,
        });
        self
    }

    /// The steps of a stage; none beyond the last.
    pub(crate) fn steps(&self, stage: usize) -> &[Step<O>] {
        self.stages.get(stage).map_or(&[], |stage| &stage.steps)
    }

    /// The names of a stage's steps, the first stage being 0; none beyond the last.
    #[must_use]
    pub fn names(&self, stage: usize) -> Vec<String> {
        self.steps(stage).iter().map(|step| step.name.to_string()).collect()
    }
}
