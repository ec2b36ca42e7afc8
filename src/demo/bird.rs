//! Birds that walk into the box: snow bunting, pipit and wagtail, with feathers, wings, tail and a bill.

use super::Class;
use super::animal::{direction, trunk_length_px};
use super::body::{Limb, Look, Pose, Skin};
use super::canvas::{Layer, Rgb, blend, scale};
use super::chance::{Chance, step};

/// The plumage of one kind of bird.
struct Plumage {
    crown: Rgb,
    back: Rgb,
    breast: Rgb,
    wing: Rgb,
    wing_bar: Rgb,
    tail: Rgb,
    tail_edge: Rgb,
    bill: Rgb,
    streaks: f32,
    tail_share: f32,
}

const BUNTING: Plumage = Plumage {
    crown: [0.86, 0.76, 0.62],
    back: [0.46, 0.37, 0.28],
    breast: [0.92, 0.90, 0.86],
    wing: [0.09, 0.085, 0.08],
    wing_bar: [0.93, 0.92, 0.90],
    tail: [0.07, 0.07, 0.07],
    tail_edge: [0.92, 0.92, 0.92],
    bill: [0.75, 0.58, 0.22],
    streaks: 0.5,
    tail_share: 0.52,
};
const PIPIT: Plumage = Plumage {
    crown: [0.36, 0.31, 0.20],
    back: [0.38, 0.33, 0.22],
    breast: [0.80, 0.74, 0.58],
    wing: [0.22, 0.18, 0.13],
    wing_bar: [0.70, 0.62, 0.44],
    tail: [0.18, 0.14, 0.10],
    tail_edge: [0.86, 0.84, 0.78],
    bill: [0.30, 0.22, 0.16],
    streaks: 0.9,
    tail_share: 0.60,
};
const WAGTAIL: Plumage = Plumage {
    crown: [0.05, 0.05, 0.055],
    back: [0.46, 0.48, 0.51],
    breast: [0.93, 0.93, 0.93],
    wing: [0.16, 0.165, 0.175],
    wing_bar: [0.92, 0.92, 0.92],
    tail: [0.05, 0.05, 0.05],
    tail_edge: [0.93, 0.93, 0.93],
    bill: [0.06, 0.06, 0.06],
    streaks: 0.1,
    tail_share: 0.92,
};

/// Draws a bird in `pose` into `layer`.
pub(crate) fn draw(layer: &mut Layer, pose: &Pose, look: &Look, chance: &mut Chance) {
    let plumage = [BUNTING, PIPIT, WAGTAIL].into_iter().nth(chance.below(3)).unwrap_or(PIPIT);
    let tone = chance.between(0.9, 1.08);
    let size = trunk_length_px(Class::Bird) * pose.size;
    let radii = [
        (0.0, 0.085),
        (0.14, 0.19),
        (0.36, 0.265),
        (0.54, 0.250),
        (0.67, 0.180),
        (0.74, 0.160),
        (0.84, 0.178),
        (0.94, 0.135),
        (1.0, 0.070),
    ];
    let trunk = Limb::trunk(&Pose { bend: pose.bend * 0.5, wave: 0.0, ..*pose }, trunk_length_px(Class::Bird), &radii);
    let feather = Look { fuzz: 1.1, hair: 0.20, ..*look };
    trunk.cast_shadow(layer, 13.0, 0.6);
    draw_legs(layer, &trunk, &feather, size, plumage.bill);
    draw_tail(layer, &trunk, &feather, &plumage, size, chance);
    trunk.paint(layer, &feather, &|skin| scale(coat(&plumage, skin), tone * (0.88 + 0.24 * skin.tuft)));
    for side in [-1.0, 1.0] {
        draw_wing(layer, &trunk, &feather, &plumage, side, size);
    }
    draw_head(layer, &trunk, &feather, &plumage, size);
}

/// Crown, streaked back, pale cheek and underside.
fn coat(plumage: &Plumage, skin: &Skin) -> Rgb {
    let head = step(0.72, 0.77, skin.along);
    let streak = step(0.52, 0.60, skin.tuft) * plumage.streaks * (1.0 - head);
    let back = blend(plumage.back, scale(plumage.back, 0.35), streak);
    let upper = blend(back, plumage.crown, head);
    let cheek = head * step(0.72, 0.50, skin.back);
    blend(blend(plumage.breast, upper, step(0.10, 0.34, skin.back)), plumage.breast, cheek * 0.9)
}

/// A fan of straight feathers with pale outer ones.
fn draw_tail(layer: &mut Layer, trunk: &Limb, look: &Look, plumage: &Plumage, size: f32, chance: &mut Chance) {
    let ((x, y), (hx, hy), _) = trunk.axis(0.04);
    let fan = Limb::curve(
        (x, y),
        direction(-hx, -hy) + chance.between(-0.03, 0.03),
        0.0,
        size * plumage.tail_share,
        &[(0.0, size * 0.055), (0.85, size * 0.095), (1.0, size * 0.080)],
    );
    fan.cast_shadow(layer, 6.0, 0.45);
    fan.paint(layer, &Look { fuzz: 0.4, ..*look }, &|skin| {
        let vane = scale(plumage.tail, 0.9 + 0.5 * step(0.2, 0.0, (skin.across * 3.0 - (skin.across * 3.0).floor() - 0.5).abs()));
        blend(vane, plumage.tail_edge, step(0.62, 0.74, skin.across.abs()))
    });
}

/// A folded wing along the flank: coverts, a pale bar and dark flight feathers down to the rump.
fn draw_wing(layer: &mut Layer, trunk: &Limb, look: &Look, plumage: &Plumage, side: f32, size: f32) {
    let ((sx, sy), facing) = trunk.surface(0.62, 0.16 * side);
    if facing < -0.15 {
        return;
    }
    let ((mx, my), _) = trunk.surface(0.34, 0.17 * side);
    let ((rx, ry), _) = trunk.surface(0.04, 0.10 * side);
    let (_, (hx, hy), _) = trunk.axis(0.05);
    let tip = (rx - hx * size * 0.16, ry - hy * size * 0.16);
    let wing = Limb::through(
        &[(sx, sy), (f32::midpoint(sx, mx), f32::midpoint(sy, my)), (mx, my), (rx, ry), tip],
        &[(0.0, size * 0.07), (0.28, size * 0.125), (0.6, size * 0.105), (0.85, size * 0.05), (1.0, size * 0.012)],
    );
    wing.paint(layer, &Look { fuzz: 0.5, ..*look }, &|skin| {
        let bar = step(0.24, 0.28, skin.along) * step(0.36, 0.32, skin.along);
        let vanes = skin.across * 3.5 + skin.along * 2.0;
        let edge = step(0.13, 0.05, (vanes - vanes.floor() - 0.5).abs()) * step(0.34, 0.40, skin.along);
        let coverts = blend(plumage.back, plumage.wing, step(0.05, 0.3, skin.along));
        blend(blend(coverts, plumage.wing_bar, edge * 0.45), plumage.wing_bar, bar)
    });
}

/// Thin legs with toes, seen below the body.
fn draw_legs(layer: &mut Layer, trunk: &Limb, look: &Look, size: f32, colour: Rgb) {
    let (_, (hx, hy), _) = trunk.axis(0.4);
    for (along, drop) in [(0.36, 0.40), (0.46, 0.43)] {
        let ((x, y), _, width) = trunk.axis(along);
        let foot = (x + hx * size * 0.05, y + width * 0.5 + size * drop * 0.62);
        let leg = Limb::through(&[(x, y), (x - hx * size * 0.04, y + width * 0.8), foot], &[(0.0, 1.6), (1.0, 1.2)]);
        leg.cast_shadow(layer, 3.0, 0.3);
        leg.paint(layer, &Look { fuzz: 0.0, hair: 0.0, ..*look }, &|_| scale(colour, 0.7));
        for (tx, ty) in [(hx, hy * 0.8 + 0.12), (hx * 0.8 - hy * 0.5, hy * 0.7 + hx * 0.4), (-hx * 0.6, -hy * 0.5)] {
            let toe = Limb::through(&[foot, (foot.0 + tx * size * 0.11, foot.1 + ty * size * 0.11)], &[(0.0, 1.1), (1.0, 0.7)]);
            toe.paint(layer, &Look { fuzz: 0.0, hair: 0.0, ..*look }, &|_| scale(colour, 0.7));
        }
    }
}

/// The bill and the eyes.
fn draw_head(layer: &mut Layer, trunk: &Limb, look: &Look, plumage: &Plumage, size: f32) {
    let ((x, y), (hx, hy), radius) = trunk.axis(1.0);
    let from = (x + hx * radius * 0.5, y + hy * radius * 0.5);
    let bill = Limb::through(
        &[from, (from.0 + hx * size * 0.09, from.1 + hy * size * 0.09), (from.0 + hx * size * 0.155, from.1 + hy * size * 0.155)],
        &[(0.0, size * 0.042), (0.5, size * 0.030), (1.0, size * 0.008)],
    );
    let smooth = Look { fuzz: 0.0, hair: 0.0, ..*look };
    bill.paint(layer, &smooth, &|_| plumage.bill);
    for side in [-1.0, 1.0] {
        let ((ex, ey), facing) = trunk.surface(0.90, 0.17 * side);
        if facing < 0.0 {
            continue;
        }
        Limb::spot(ex, ey, size * 0.026).paint(layer, &smooth, &|_| [0.02; 3]);
        Limb::spot(ex - 0.6, ey - 0.8, size * 0.010).paint(layer, &smooth, &|_| [1.2; 3]);
    }
}
