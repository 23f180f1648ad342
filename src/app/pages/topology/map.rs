//! The map: a graph with its nodes in their places, what part of it is seen, and what is on its way.
//!
//! A place changes when somebody comes, goes or is connected otherwise, or when a person moves it;
//! never because somebody stands otherwise. The map knows no browser: time and size come in.

use std::sync::Arc;

use super::view::{View, between};
use crate::app::components::graph::Extent;
use crate::swarm::graph::{Force, Form, Graph, Spot, layered};

/// How long nodes and view are on their way to a new place, in milliseconds.
const WAY: f64 = 180.0;
/// How many nodes can be pinned; past it the oldest pin goes.
const MOST_PINS: usize = 100;
/// How near a pointer must come to a node, in pixels of the drawing and of the window.
const NEAR: f64 = 18.0;
const NEAR_SEEN: f64 = 12.0;

/// The map.
#[derive(Debug)]
pub struct Map {
    /// The graph.
    pub graph: Arc<Graph>,
    /// Where nodes are shown.
    pub spots: Vec<Spot>,
    /// Which nodes are not dimmed; where it is empty, all.
    pub lit: Vec<bool>,
    /// The node that is chosen, and the one under the pointer, by index.
    pub chosen: Option<usize>,
    /// The one under the pointer.
    pub hovered: Option<usize>,
    /// What part of it is shown.
    pub view: View,
    /// The window's size, in pixels.
    pub size: (f64, f64),
    /// Whether nothing may move by itself.
    pub calm: bool,
    /// Whether the nodes or lines are others than were drawn.
    pub reshaped: bool,
    /// Whether nodes or lines stand elsewhere, or look otherwise, than they were drawn.
    pub changed: bool,
    /// Nodes that a person put somewhere, by id, oldest first.
    pins: Vec<(String, Spot)>,
    force: Option<Force>,
    /// Where nodes and view will be.
    goal: Vec<Spot>,
    goal_view: View,
    /// Whether the view is the one that shows everything.
    fits: bool,
    /// What is on its way: since when, and from where.
    way: Option<(f64, Vec<Spot>, View)>,
}

impl Map {
    /// The first picture of a graph.
    pub fn new(graph: Arc<Graph>) -> Self {
        let view = View { middle: Spot::default(), scale: 1.0 };
        Self {
            spots: Vec::new(),
            lit: Vec::new(),
            chosen: None,
            hovered: None,
            view,
            size: (0.0, 0.0),
            calm: false,
            reshaped: true,
            changed: true,
            pins: Vec::new(),
            force: None,
            goal: Vec::new(),
            goal_view: view,
            fits: true,
            way: None,
            graph,
        }
    }

    /// Takes its first places, once there is a window to show them in.
    pub fn begin(&mut self, pins: Vec<(String, Spot)>) {
        self.pins = pins;
        if self.graph.form == Form::Mesh {
            // The server's picture: it goes on from there.
            let force = Force::first(&self.graph);
            self.goal = force.spots().to_vec();
            self.force = Some(force);
        } else {
            self.goal = layered(&self.graph.parents());
        }
        self.hold();
        self.spots.clone_from(&self.goal);
        self.reshaped = true;
        self.aim();
        self.view = self.goal_view;
    }

    /// Takes a newer graph, at a time of the page's clock; whether it is drawn otherwise.
    pub fn take(&mut self, graph: Arc<Graph>, time: f64) -> bool {
        if self.size.0 <= 0.0 || graph.same_shape(&self.graph) {
            let differs = !graph.same_look(&self.graph);
            self.changed |= differs;
            self.graph = graph;
            return differs;
        }
        let old = std::mem::replace(&mut self.graph, graph);
        let shown = std::mem::take(&mut self.spots);
        let former = |id: &str, spots: &[Spot]| old.find(id).and_then(|at| spots.get(at)).copied();
        if self.graph.form == Form::Mesh {
            let was_mesh = old.form == Form::Mesh;
            let heat = self.force.as_ref().filter(|_| was_mesh).map_or(0.0, Force::heat);
            let mut force = Force::begin(&self.graph, |id| if was_mesh { former(id, &self.goal) } else { None });
            force.keep_warm(heat);
            self.goal = force.spots().to_vec();
            self.force = Some(force);
        } else {
            self.force = None;
            self.goal = layered(&self.graph.parents());
        }
        self.hold();
        // Who is new comes out of whom they belong to, or stands in place at once.
        let from = self.graph.places.iter().enumerate().map(|(at, place)| {
            let above = || place.parent.and_then(|parent| former(&self.graph.places[parent].id, &shown));
            former(&place.id, &shown).or_else(above).unwrap_or(self.goal[at])
        });
        let from: Vec<Spot> = from.collect();
        let named = |at: Option<usize>| at.and_then(|at| self.graph.find(&old.places[at].id));
        (self.chosen, self.hovered) = (named(self.chosen), named(self.hovered));
        self.lit = Vec::new();
        self.spots.clone_from(&from);
        self.reshaped = true;
        self.aim();
        // Where only lines came or went nothing moves.
        if self.way.is_some() || from != self.goal || self.view != self.goal_view {
            self.go(time, from);
        }
        true
    }

    /// Puts pinned nodes where they were pinned.
    fn hold(&mut self) {
        for (id, spot) in &self.pins {
            if let Some(at) = self.graph.find(id) {
                self.goal[at] = *spot;
            }
        }
    }

    fn aim(&mut self) {
        if self.fits && self.size.0 > 0.0 {
            self.goal_view = View::fitting(Extent::of(&self.goal), self.size);
        }
    }

    fn go(&mut self, time: f64, from: Vec<Spot>) {
        self.way = (!self.calm).then_some((time, from, self.view));
    }

    /// Lays out and moves on, as long as there is time; whether there is more to do.
    pub fn advance(&mut self, time: f64, has_time: &mut dyn FnMut() -> bool) -> bool {
        let before = std::mem::take(&mut self.spots);
        let busy = self.go_on(time, has_time);
        self.changed |= self.spots != before;
        busy
    }

    /// Does so.
    fn go_on(&mut self, time: f64, has_time: &mut dyn FnMut() -> bool) -> bool {
        let mut busy = false;
        if let Some(force) = self.force.as_mut().filter(|force| !force.is_settled()) {
            let held: Vec<(usize, Spot)> =
                self.pins.iter().filter_map(|(id, spot)| Some((self.graph.find(id)?, *spot))).collect();
            let pinned = |at: usize| held.iter().find(|(pinned, _)| *pinned == at).map(|(_, spot)| *spot);
            loop {
                force.step(&self.graph, &pinned);
                if force.is_settled() || !has_time() {
                    break;
                }
            }
            busy = !force.is_settled();
            // Where nothing may move by itself, only what came of it is shown.
            if !(busy && self.calm) {
                self.goal = force.spots().to_vec();
                self.aim();
            }
        }
        match &self.way {
            Some((since, from, view)) if time - since < WAY => {
                let part = ((time - since) / WAY).clamp(0.0, 1.0);
                let part = part * (2.0 - part);
                self.spots = from.iter().zip(&self.goal).map(|(from, to)| between(*from, *to, part)).collect();
                self.view = view.toward(self.goal_view, part);
                busy = true;
            }
            _ => {
                self.way = None;
                self.spots.clone_from(&self.goal);
                self.view = self.goal_view;
            }
        }
        busy
    }

    /// Whether the layout is over.
    pub fn is_laid_out(&self) -> bool {
        self.force.as_ref().is_none_or(Force::is_settled)
    }

    /// The window has this size now.
    pub fn resize(&mut self, size: (f64, f64)) {
        if self.size != size {
            self.size = size;
            self.aim();
            self.view = self.goal_view;
        }
    }

    /// Shows everything, and goes on doing so.
    pub fn fit(&mut self, time: f64) {
        self.fits = true;
        self.aim();
        self.go(time, self.spots.clone());
    }

    /// Shows another part: at once, or on the way there from a time on.
    pub fn look(&mut self, view: View, time: Option<f64>) {
        self.fits = false;
        self.goal_view = view;
        match time {
            Some(time) => self.go(time, self.spots.clone()),
            None => self.view = view,
        }
    }

    /// Where the view goes, for going on from there.
    pub fn aimed(&self) -> View {
        self.goal_view
    }

    /// Brings a node into the middle, where it is not seen well.
    pub fn show(&mut self, at: usize, time: f64) {
        let Some(goal) = self.goal.get(at).copied() else { return };
        let seen = self.goal_view.seen(goal, self.size);
        let inside = |at: f64, room: f64| (40.0..room - 40.0).contains(&at);
        if inside(seen.x, self.size.0) && inside(seen.y, self.size.1) && self.goal_view.scale > 0.4 {
            return;
        }
        self.look(View { middle: goal, scale: self.goal_view.scale.max(0.8) }, Some(time));
    }

    /// The node at a place of the window.
    pub fn hit(&self, at: Spot) -> Option<usize> {
        let near = NEAR.max(NEAR_SEEN / self.view.scale);
        let meant = self.view.meant(at, self.size);
        let mut best = (near * near, None);
        for (index, spot) in self.spots.iter().enumerate() {
            let square = (spot.x - meant.x).powi(2) + (spot.y - meant.y).powi(2);
            if square < best.0 {
                best = (square, Some(index));
            }
        }
        best.1
    }

    /// Whether a node is pinned.
    pub fn is_pinned(&self, at: usize) -> bool {
        self.pins.iter().any(|(id, _)| *id == self.graph.places[at].id)
    }

    /// All pins, for keeping.
    pub fn pins(&self) -> &[(String, Spot)] {
        &self.pins
    }

    /// Pins a node where it stands, or where it is put.
    pub fn pin(&mut self, at: usize, spot: Option<Spot>) {
        // Before the first frame nothing stands anywhere.
        let (Some(place), Some(goal)) = (self.graph.places.get(at), self.goal.get_mut(at)) else { return };
        let (id, spot) = (place.id.clone(), spot.unwrap_or(*goal));
        *goal = spot;
        self.pins.retain(|(pinned, _)| *pinned != id);
        self.pins.push((id, spot));
        if self.pins.len() > MOST_PINS {
            self.pins.remove(0);
        }
        self.way = None;
    }

    /// Lets a node go where it belongs.
    pub fn unpin(&mut self, at: usize, time: f64) {
        let id = self.graph.places[at].id.clone();
        self.pins.retain(|(pinned, _)| *pinned != id);
        let from = self.spots.clone();
        match &mut self.force {
            Some(force) => force.stir(),
            None => self.goal = layered(&self.graph.parents()),
        }
        self.hold();
        self.aim();
        self.go(time, from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::Attention;
    use crate::swarm::graph::{EdgeKind, Link, Place};

    fn tree(ids: &[&str]) -> Graph {
        let place = |(at, id): (usize, &&str)| Place {
            id: (*id).to_owned(),
            name: (*id).to_owned(),
            kind: String::new(),
            attention: Some(Attention::Idle),
            parent: (at > 0).then_some(0),
        };
        let link = |to| Link { from: 0, to, kind: EdgeKind::Parent, health: None, traffic: 0 };
        Graph {
            places: ids.iter().enumerate().map(place).collect(),
            links: (1..ids.len()).map(link).collect(),
            ..Graph::default()
        }
    }

    fn begun(graph: Graph) -> Map {
        let mut map = Map::new(Arc::new(graph));
        map.resize((800.0, 500.0));
        map.begin(Vec::new());
        map
    }

    /// Moves on until nothing is left to do.
    fn rest(map: &mut Map, mut time: f64) {
        while map.advance(time, &mut || false) {
            time += 16.0;
        }
    }

    #[test]
    fn nothing_moves_when_somebody_stands_otherwise() {
        for form in [Form::Tree, Form::Mesh] {
            let mut map = begun(Graph { form, ..tree(&["a", "b", "c"]) });
            rest(&mut map, 0.0);
            let (before, view) = (map.spots.clone(), map.view);
            let mut other = Graph::clone(&map.graph);
            other.links[0].traffic += 1;
            map.changed = false;
            assert!(!map.take(Arc::new(other.clone()), 900.0), "one message more is drawn alike");
            other.places[1].attention = Some(Attention::Failing);
            other.links[0].traffic = 40;
            assert!(map.take(Arc::new(other), 1_000.0));
            assert!(!map.advance(1_000.0, &mut || true));
            assert!(map.changed);
            assert_eq!((&map.spots, map.view), (&before, view));
            assert_eq!(map.graph.places[1].attention, Some(Attention::Failing));
        }
    }

    #[test]
    fn nothing_moves_when_only_a_line_comes() {
        for form in [Form::Tree, Form::Mesh] {
            let mut map = begun(Graph { form, ..tree(&["a", "b", "c"]) });
            rest(&mut map, 0.0);
            (map.reshaped, map.changed) = (false, false);
            let mut other = Graph::clone(&map.graph);
            other.links.push(Link { from: 1, to: 2, kind: EdgeKind::Messages, health: None, traffic: 1 });
            assert!(map.take(Arc::new(other), 1_000.0));
            assert!(!map.advance(1_000.0, &mut || true), "no frame after this one");
            assert_eq!((map.reshaped, map.changed), (true, false));
        }
    }

    #[test]
    fn a_pin_before_the_first_frame_is_none() {
        let mut map = Map::new(Arc::new(tree(&["a", "b"])));
        map.pin(1, None);
        map.show(1, 0.0);
        assert!(!map.is_pinned(1));
    }

    #[test]
    fn who_comes_comes_out_of_their_parent() {
        let mut map = begun(tree(&["a", "b"]));
        rest(&mut map, 0.0);
        let parent = map.spots[0];
        map.take(Arc::new(tree(&["a", "b", "c"])), 1_000.0);
        assert!(map.advance(1_000.0, &mut || true));
        assert_eq!(map.spots[2], parent);
        rest(&mut map, 1_000.0);
        assert!(map.spots[2].y > parent.y + 50.0);
        map.calm = true;
        map.take(Arc::new(tree(&["a", "b", "c", "d"])), 9_000.0);
        assert!(!map.advance(9_000.0, &mut || true), "where nothing may move it is there at once");
        assert_eq!(map.spots.len(), 4);
    }

    #[test]
    fn a_pin_outlives_who_comes_and_goes() {
        for form in [Form::Tree, Form::Mesh] {
            let mut map = begun(Graph { form, ..tree(&["a", "b", "c"]) });
            rest(&mut map, 0.0);
            let spot = Spot { x: 900.0, y: 40.0 };
            map.pin(1, Some(spot));
            map.take(Arc::new(Graph { form, ..tree(&["a", "b", "c", "d"]) }), 1_000.0);
            rest(&mut map, 1_000.0);
            assert_eq!(map.spots[1], spot);
            assert!(map.is_pinned(1));
            map.unpin(1, 5_000.0);
            rest(&mut map, 5_000.0);
            assert_ne!(map.spots[1], spot);
        }
    }

    #[test]
    fn a_large_mesh_gives_the_frame_back() {
        let mut graph = tree(&["a"]);
        graph.form = Form::Mesh;
        graph.places = (0..1_000).map(|n| Place { id: format!("{n:04}"), parent: None, ..graph.places[0].clone() }).collect();
        let link = |to: usize| Link { from: to / 2, to, kind: EdgeKind::Reported, health: None, traffic: 0 };
        graph.links = (1..1_000).map(link).collect();
        let mut map = begun(graph);
        let mut asked = 0;
        assert!(map.advance(0.0, &mut || {
            asked += 1;
            asked < 3
        }));
        assert_eq!(asked, 3);
    }

    #[test]
    fn the_node_under_the_pointer_is_the_nearest() {
        let mut map = begun(tree(&["a", "b", "c"]));
        rest(&mut map, 0.0);
        for at in 0..3 {
            let seen = map.view.seen(map.spots[at], map.size);
            assert_eq!(map.hit(Spot { x: seen.x + 5.0, y: seen.y - 5.0 }), Some(at));
        }
        assert_eq!(map.hit(Spot { x: 1.0, y: 1.0 }), None);
    }
}
