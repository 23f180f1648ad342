use super::*;

fn place(id: &str) -> Place {
    Place { id: id.to_owned(), name: id.to_owned(), kind: String::new(), attention: None, parent: None }
}

fn line(from: usize, to: usize) -> Link {
    Link { from, to, kind: EdgeKind::Reported, health: None, traffic: 0 }
}

fn mesh(nodes: usize, links: Vec<Link>) -> Graph {
    Graph { form: Form::Mesh, places: (0..nodes).map(|n| place(&format!("n{n:04}"))).collect(), links, ..Graph::default() }
}

fn settled(graph: &Graph, known: impl Fn(&str) -> Option<Spot>) -> Force {
    let mut force = Force::begin(graph, known);
    let mut steps = 0;
    while !force.is_settled() {
        force.step(graph, &|_| None);
        steps += 1;
        assert!(steps < 1_000, "it cools down");
    }
    force
}

fn far(a: Spot, b: Spot) -> f64 {
    ((a.x - b.x).powi(2) + (a.y - b.y).powi(2)).sqrt()
}

fn nearest(spots: &[Spot]) -> f64 {
    let mut least = f64::MAX;
    for (at, spot) in spots.iter().enumerate() {
        for other in &spots[at + 1..] {
            least = least.min(far(*spot, *other));
        }
    }
    least
}

#[test]
fn a_parent_stands_over_the_middle_of_its_children() {
    let spots = layered(&[None, Some(0), Some(0), Some(2)]);
    assert!(spots[0].y < spots[1].y && spots[1].y < spots[3].y);
    assert_eq!(spots[1].y, spots[2].y, "a generation is a layer");
    let (left, right) = (spots[1].x.min(spots[2].x), spots[1].x.max(spots[2].x));
    assert!(left < spots[0].x && spots[0].x < right);
    assert_eq!(spots[3].x, spots[2].x);
}

#[test]
fn nobody_stands_on_another_in_a_hierarchy() {
    for leaves in [1, 4, 5, 30, 199, 1_999] {
        let mut parents = vec![Some(0); leaves + 1];
        parents[0] = None;
        let spots = layered(&parents);
        assert!(leaves == 1 || nearest(&spots) > 60.0, "{leaves}: {}", nearest(&spots));
    }
    // One over twelve over eighty each, and some that stand alone.
    let parents: Vec<Option<usize>> = (0..1_000)
        .map(|n| {
            if n == 0 || n > 980 {
                None
            } else if n <= 12 {
                Some(0)
            } else {
                Some(1 + n % 12)
            }
        })
        .collect();
    let spots = layered(&parents);
    assert!(nearest(&spots) > 60.0);
    let wide = spots.iter().map(|spot| spot.x).fold(0.0, f64::max);
    let high = spots.iter().map(|spot| spot.y).fold(0.0, f64::max);
    assert!((0.8..3.0).contains(&(wide / high)), "a thousand have the shape of a screen: {wide} by {high}");
}

#[test]
fn chains_and_nothing_are_laid_out() {
    assert!(layered(&[]).is_empty());
    let chain: Vec<Option<usize>> = (0..2_000_usize).map(|n| n.checked_sub(1)).collect();
    let spots = layered(&chain);
    assert!(spots.windows(2).all(|pair| pair[0].x == pair[1].x && pair[0].y < pair[1].y));
}

#[test]
fn circles_of_parents_are_cut_once() {
    let mut parents = [Some(1), Some(0), Some(1), Some(3), Some(2)];
    uncircled(&mut parents);
    assert_eq!(parents, [Some(1), None, Some(1), None, Some(2)]);
    assert_eq!(layered(&parents).len(), 5);
}

#[test]
fn a_ring_closes() {
    for count in [2, 3, 7, 200] {
        let (cos, sin) = layered::turn(std::f64::consts::TAU / f64::from(count));
        let angle = std::f64::consts::TAU / f64::from(count);
        assert!((cos - angle.cos()).abs() < 1e-6 && (sin - angle.sin()).abs() < 1e-6, "{count}");
    }
    assert_eq!(ring(4).len(), 4);
}

#[test]
fn a_mesh_settles_apart_and_connected_nodes_together() {
    // Two groups of five, each with all lines, and one line between them.
    let mut links = Vec::new();
    for group in [0, 5] {
        for from in group..group + 5 {
            links.extend((from + 1..group + 5).map(|to| line(from, to)));
        }
    }
    links.push(line(0, 5));
    let graph = mesh(10, links);
    let force = settled(&graph, |_| None);
    let spots = force.spots();
    assert!(nearest(spots) > 30.0, "{}", nearest(spots));
    let (within, between) = (far(spots[1], spots[2]), far(spots[1], spots[6]));
    assert!(within < between, "{within} {between}");
}

#[test]
fn the_same_mesh_is_the_same_picture() {
    let graph = mesh(40, (1..40).map(|to| line(to / 2, to)).collect());
    assert_eq!(settled(&graph, |_| None).spots(), settled(&graph, |_| None).spots());
}

#[test]
fn who_was_there_stays_when_another_comes() {
    let graph = mesh(60, (1..60).map(|to| line(to / 3, to)).collect());
    let before = settled(&graph, |_| None);
    let known = |id: &str| id[1..].parse::<usize>().ok().and_then(|n| before.spots().get(n).copied());
    assert!(Force::begin(&graph, known).is_settled(), "nothing new, nothing moves");
    let mut links = graph.links;
    links.push(line(7, 60));
    let grown = mesh(61, links);
    let begun = Force::begin(&grown, known);
    assert!(far(begun.spots()[60], before.spots()[7]) < 100.0, "it comes beside whom it is connected with");
    let after = settled(&grown, known);
    let moved: f64 = (0..60).map(|n| far(before.spots()[n], after.spots()[n])).sum::<f64>() / 60.0;
    assert!(moved < 60.0, "the others hardly move: {moved}");
}

#[test]
fn a_node_that_is_held_stays() {
    let graph = mesh(3, vec![line(0, 1), line(1, 2)]);
    let held = Spot { x: 700.0, y: -20.0 };
    let mut force = Force::begin(&graph, |_| None);
    while !force.is_settled() {
        force.step(&graph, &|at| (at == 1).then_some(held));
    }
    assert_eq!(force.spots()[1], held);
}

#[test]
fn one_line_tells_all_that_connects_two() {
    let link = |from, to, kind, health, traffic| Link { from, to, kind, health, traffic };
    let all = vec![
        link(2, 1, EdgeKind::Messages, None, 3),
        link(1, 2, EdgeKind::Parent, None, 0),
        link(1, 2, EdgeKind::Handoff, None, 4),
        link(0, 2, EdgeKind::Reported, Some(0.3), 0),
        link(1, 2, EdgeKind::Reported, Some(0.7), 0),
    ];
    let links = merged(all);
    assert_eq!(links.len(), 2);
    assert_eq!(links[0], link(0, 2, EdgeKind::Reported, Some(0.3), 0));
    assert_eq!(links[1], link(1, 2, EdgeKind::Parent, Some(0.7), 7));
    assert_eq!((links[0].trouble(), links[1].trouble()), ("ailing", "slow"));
    assert_eq!([0, 2, 3, 15, 1_000_000].map(|traffic| link(0, 1, EdgeKind::Messages, None, traffic).step()), [0, 0, 1, 2, 5]);
}

#[test]
fn one_message_more_is_drawn_alike() {
    let busy = |traffic: u64| mesh(2, vec![Link { traffic, ..line(0, 1) }]);
    assert!(busy(20).same_look(&busy(21)));
    assert!(!busy(20).same_look(&busy(2_000)), "a line ten times as busy is wider");
    let mut failing = busy(20);
    failing.places[0].attention = Some(Attention::Failing);
    assert!(failing.same_shape(&busy(20)) && !failing.same_look(&busy(20)));
}
