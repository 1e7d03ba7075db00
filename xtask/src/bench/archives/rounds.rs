//! Everybody builds after the same edit, in turns, and after each build the program is run: it has to print what the
//! model says. One more round goes by under strace and is not timed.

use std::path::{Path, PathBuf};

use super::contender::Contender;
use super::project::{Project, State};
use super::rows::{Row, Sample, Traced};
use super::steps::Step;
use crate::bench::measure::{self, Line};
use crate::bench::steps;
use crate::bench::strace;
use crate::bench::turns::{order, sync};

/// How often somebody may build until there is nothing to do.
const SETTLING: usize = 4;

/// A project and who builds it.
pub(crate) struct Rounds<'a> {
    /// What is built.
    pub(crate) project: Project,
    /// Its size, as rows name it.
    pub(crate) size: String,
    /// Everybody.
    pub(crate) contenders: Vec<Contender>,
    /// The names of the engines that read ninja's files.
    pub(crate) ninjas: Vec<String>,
    /// The program, if it is there.
    pub(crate) strace: Option<PathBuf>,
    /// Where figures pass through, and where trees are restored.
    pub(crate) scratch: &'a Path,
    /// What is written in all trees.
    state: State,
    /// How many edits there were: each gives a program that nobody has built yet.
    edits: u64,
}

impl<'a> Rounds<'a> {
    /// Writes a tree for everybody, and has it built.
    pub(crate) fn begin(
        project: Project,
        size: String,
        contenders: Vec<Contender>,
        ninjas: Vec<String>,
        strace: Option<PathBuf>,
        scratch: &'a Path,
    ) -> Result<Rounds<'a>, String> {
        let state = State::new(project);
        let rounds = Rounds { project, size, contenders, ninjas, strace, scratch, state, edits: 0 };
        for contender in &rounds.contenders {
            eprintln!("bench:   {}: a cold build", contender.name);
            contender.remove()?;
            contender.write(project, &rounds.state, &rounds.ninjas)?;
            for line in contender.before() {
                measure::run(&line, scratch)?;
            }
            rounds.settle(contender)?;
            let printed = rounds.printed(contender)?;
            let wanted = rounds.state.checksum();
            if printed != wanted {
                let name = &contender.name;
                return Err(format!("{name}: after a cold build the program prints {printed}, not {wanted}"));
            }
        }
        Ok(rounds)
    }

    /// A step, so many times, and once under strace.
    pub(crate) fn step(&mut self, step: Step, runs: usize) -> Result<Vec<Row>, String> {
        let taking_part = self.contenders.iter().filter(|one| one.takes_part(step));
        let contenders: Vec<Contender> = taking_part.cloned().collect();
        let mut rows: Vec<Row> =
            contenders.iter().map(|one| Row::new(&self.size, step.name(), &one.name)).collect();
        for round in 0..runs + usize::from(self.strace.is_some()) {
            let traced = round == runs;
            self.prepare(step, &contenders)?;
            for at in order(contenders.len(), round) {
                if step == Step::Elsewhere {
                    self.elsewhere(&contenders[at], &mut rows[at], traced)?;
                } else {
                    self.build(&contenders[at], step, &mut rows[at], traced)?;
                }
            }
            if let Some(edit) = step.edit().filter(|_| !step.is_undone()) {
                self.edit(edit, 0, &contenders)?;
            }
            for contender in &contenders {
                self.settle(contender)?;
            }
            sync()?;
        }
        Ok(rows)
    }

    /// Does what comes before the build that counts.
    fn prepare(&mut self, step: Step, contenders: &[Contender]) -> Result<(), String> {
        let Some(edit) = step.edit() else { return Ok(()) };
        self.edits += 1;
        self.edit(edit, self.edits, contenders)?;
        if step.is_undone() {
            for contender in contenders {
                measure::run(&contender.line(), self.scratch)?;
            }
            self.edit(edit, 0, contenders)?;
        }
        Ok(())
    }

    fn edit(
        &mut self,
        edit: super::project::Edit,
        salt: u64,
        contenders: &[Contender],
    ) -> Result<(), String> {
        let places: Vec<_> = contenders.iter().map(|one| (one.place.as_path(), one.form())).collect();
        steps::pause();
        self.project.edit(&mut self.state, edit, salt, &places)?;
        steps::pause();
        Ok(())
    }

    /// The build that counts, and whether it did what it had to.
    fn build(&self, contender: &Contender, step: Step, row: &mut Row, traced: bool) -> Result<(), String> {
        let line = contender.line();
        let said = match self.strace.as_ref().filter(|_| traced) {
            Some(strace) => {
                let (counted, run) = strace::count(strace, &line, self.scratch)?;
                row.traced =
                    Some(Traced { programs: counted.programs, calls: strace::total(&counted.calls) });
                contender.said(&run)?
            }
            None => {
                let run = measure::run(&line, self.scratch)?;
                let said = contender.said(&run)?;
                row.samples.push(Sample::new(&run, said));
                said
            }
        };
        let needed = contender.expected(step, self.project);
        if said.ran != needed {
            row.fail(format!("ran {}; needed are {needed}", said.ran));
        }
        if let Some(processes) = said.processes.filter(|processes| *processes != needed.all()) {
            row.fail(format!("started {processes} processes for {} commands", needed.all()));
        }
        let (printed, wanted) = (self.printed(contender)?, self.state.checksum());
        if printed != wanted {
            row.fail(format!("the program prints {printed}, not {wanted}"));
        }
        Ok(())
    }

    /// The same in a tree that is written anew elsewhere.
    fn elsewhere(&self, contender: &Contender, row: &mut Row, traced: bool) -> Result<(), String> {
        let place = self.scratch.join("elsewhere").join("checkout");
        let there = contender.carry(place, self.project, &self.state, &self.ninjas)?;
        steps::pause();
        sync()?;
        self.build(&there, Step::Elsewhere, row, traced)?;
        there.remove()
    }

    /// Untimed builds until nothing is to be done but what is done in every build.
    fn settle(&self, contender: &Contender) -> Result<(), String> {
        let idle = contender.expected(Step::NoOp, self.project);
        for _ in 0..SETTLING {
            let run = measure::run(&contender.line(), self.scratch)?;
            if contender.said(&run)?.ran == idle {
                return Ok(());
            }
        }
        Err(format!("{}: {SETTLING} builds in a row all found something to do", contender.name))
    }

    /// What the program prints.
    fn printed(&self, contender: &Contender) -> Result<String, String> {
        let words = vec![contender.program().into()];
        let line = Line { words, directory: contender.place.clone(), environment: Vec::new() };
        Ok(measure::run(&line, self.scratch)?.output.trim_end().to_owned())
    }

    /// Deletes all trees.
    pub(crate) fn end(self) -> Result<(), String> {
        self.contenders.iter().try_for_each(Contender::remove)
    }
}
