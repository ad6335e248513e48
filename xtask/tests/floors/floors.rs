//! The floors of a crate, as ARCHITECTURE.md has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use crate::imports::{Imports, is_around};

/// The rooms of a crate, floor by floor from the top.
pub struct Floors(Vec<Vec<String>>);

impl Floors {
    /// Finds the floors below the heading of a crate: a block of lines `room, room: what they are`.
    pub fn parse(document: &str, name: &str) -> Option<Self> {
        let heading = format!("## `{name}`\n");
        let (_, after) = document.split_once(&heading)?;
        let (_, block) = after.split_once("```text\n")?;
        let (block, _) = block.split_once("```")?;
        let rooms = |line: &str| -> Option<Vec<String>> {
            let (rooms, _) = line.split_once(": ")?;
            Some(rooms.split(", ").map(|room| room.trim().to_owned()).collect())
        };
        block.lines().map(rooms).collect::<Option<_>>().map(Self)
    }

    /// What is not as it is declared, in a sentence each.
    pub fn wrong(&self, imports: &Imports) -> Vec<String> {
        let mut wrong = BTreeSet::new();
        for module in imports.modules().filter(|module| self.room(module).is_none()) {
            wrong.insert(format!("{module} is on no floor"));
        }
        let modules: BTreeSet<_> = imports.modules().collect();
        for room in self.0.iter().flatten().filter(|room| !modules.contains(&***room)) {
            wrong.insert(format!("{room} is no module"));
        }
        for (from, to) in imports.pairs() {
            if let (Some((above, room)), Some((below, other))) = (self.room(from), self.room(to))
                && room != other
                && above >= below
                // A module may name what is in its own folder.
                && !is_around(from, to)
            {
                wrong.insert(format!("{from} imports {to}"));
            }
        }
        wrong.into_iter().collect()
    }

    /// Draws each room with those it imports from, floor by floor.
    pub fn picture(&self, imports: &Imports) -> String {
        let mut targets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, to) in imports.pairs() {
            if let (Some((_, from)), Some((_, to))) = (self.room(from), self.room(to))
                && from != to
            {
                targets.entry(from).or_default().insert(to);
            }
        }
        let mut picture = String::new();
        for (number, floor) in self.0.iter().rev().enumerate().rev() {
            for room in floor {
                let below = targets.get(&**room).into_iter().flatten().copied();
                let below: Vec<_> = below.collect();
                // Writing to a string cannot fail.
                let _ = writeln!(picture, "  {number:>2}  {room:<24} -> {}", below.join(", "));
            }
        }
        picture
    }

    /// The room of a module, with its number from the top: the one with the longest name that the
    /// module's begins with.
    fn room(&self, module: &str) -> Option<(usize, &str)> {
        let rooms = self.0.iter().enumerate();
        let rooms = rooms.flat_map(|(floor, rooms)| rooms.iter().map(move |room| (floor, &**room)));
        let holds = |room: &str| room == module || is_around(room, module);
        rooms.filter(|(_, room)| holds(room)).max_by_key(|(_, room)| room.len())
    }
}
