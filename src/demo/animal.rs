//! The animals: what tells a vole from a lemming, a shrew, a least weasel, a stoat and a bird, in size, shape, tail and coat.

use super::Class;
use super::body::{Limb, Look, Pose};
use super::canvas::{Layer, Rgb, blend, scale};
use super::chance::{Chance, cos_sin, step};

const EYE: Rgb = [0.02, 0.02, 0.02];
const SKIN: Rgb = [0.62, 0.47, 0.42];

/// What an animal looks like on one day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guise {
    /// Stoat and least weasel in white.
    pub(crate) winter_coat: bool,
    /// Direction towards the light: right, down, up.
    pub(crate) light: (f32, f32, f32),
}

/// Length of the trunk of an animal of usual size, in pixels.
pub(crate) fn trunk_length_px(class: Class) -> f32 {
    match class {
        Class::Lemming => 128.0,
        Class::Vole => 116.0,
        Class::Shrew => 68.0,
        Class::LeastWeasel => 158.0,
        Class::Stoat => 235.0,
        Class::Bird => 88.0,
        Class::BadQuality | Class::Empty => 0.0,
    }
}

/// Draws an animal of `class` into `layer`; classes without an animal draw nothing.
pub(crate) fn draw(layer: &mut Layer, class: Class, pose: &Pose, guise: Guise, chance: &mut Chance) {
    let look = Look { fuzz: 2.6, hair: 0.42, light: guise.light, opacity: 1.0, noise: chance.noise_seed() };
    match class {
        Class::Vole => vole(layer, pose, &look, chance),
        Class::Lemming => lemming(layer, pose, &look, chance),
        Class::Shrew => shrew(layer, pose, &look, chance),
        Class::LeastWeasel => weasel(layer, pose, &look, guise.winter_coat, false, chance),
        Class::Stoat => weasel(layer, pose, &look, guise.winter_coat, true, chance),
        Class::Bird => super::bird::draw(layer, pose, &look, chance),
        Class::BadQuality | Class::Empty => {}
    }
}

/// Grey-brown all over, blunt head, small round ears, a tail of a third of the body.
fn vole(layer: &mut Layer, pose: &Pose, look: &Look, chance: &mut Chance) {
    let length = trunk_length_px(Class::Vole);
    let radii =
        [(0.0, 0.11), (0.10, 0.20), (0.30, 0.245), (0.55, 0.225), (0.72, 0.185), (0.84, 0.150), (0.93, 0.105), (1.0, 0.050)];
    let trunk = Limb::trunk(pose, length, &radii);
    let tone = chance.between(0.80, 1.15);
    let warm = chance.between(0.85, 1.15);
    trunk.cast_shadow(layer, 13.0, 0.62);
    let tail = rear_tail(&trunk, chance, length * pose.size, (0.34, 0.44), &[(0.0, 3.6), (0.8, 2.2), (1.0, 1.0)]);
    tail.cast_shadow(layer, 4.0, 0.35);
    tail.paint(layer, &Look { fuzz: 0.7, hair: 0.25, ..*look }, &|skin| {
        if skin.across > 0.1 { [0.34, 0.29, 0.25] } else { [0.24, 0.20, 0.17] }
    });
    feet(layer, &trunk, look, &[0.20, 0.68], 0.34, 3.4 * pose.size, SKIN);
    let back = scale([0.30 * warm, 0.235, 0.165 / warm], tone);
    trunk.paint(layer, look, &|skin| {
        let flank = blend(scale(back, 1.30), [0.50, 0.47, 0.43], step(0.15, -0.35, skin.back));
        let coat = blend(flank, back, step(0.1, 0.85, skin.back));
        scale(coat, 0.72 + 0.56 * skin.tuft)
    });
    ears(layer, &trunk, look, 0.775, 0.13, 0.060 * length * pose.size, scale(back, 0.85), scale(SKIN, 0.62));
    face(
        layer,
        &trunk,
        look,
        &Face { eye: 0.885, eye_angle: 0.135, eye_px: 2.3 * pose.size, whiskers: 15.0 * pose.size, nose_px: 2.3 * pose.size },
    );
}

/// Stout and bright: black crown and back, yellow cheeks and flanks, hardly a tail.
fn lemming(layer: &mut Layer, pose: &Pose, look: &Look, chance: &mut Chance) {
    let length = trunk_length_px(Class::Lemming);
    let radii = [
        (0.0, 0.14),
        (0.08, 0.225),
        (0.28, 0.280),
        (0.52, 0.262),
        (0.68, 0.205),
        (0.75, 0.192),
        (0.83, 0.180),
        (0.92, 0.125),
        (0.975, 0.075),
        (1.0, 0.048),
    ];
    let trunk = Limb::trunk(pose, length, &radii);
    let tone = chance.between(0.86, 1.12);
    trunk.cast_shadow(layer, 14.0, 0.62);
    let tail = rear_tail(&trunk, chance, pose.size, (11.0, 15.0), &[(0.0, 4.0), (1.0, 1.6)]);
    tail.paint(layer, &Look { fuzz: 1.6, ..*look }, &|_| [0.45, 0.36, 0.22]);
    feet(layer, &trunk, look, &[0.20, 0.70], 0.33, 4.0 * pose.size, [0.50, 0.42, 0.36]);
    let (yellow, rust, black) = (scale([1.02, 0.78, 0.38], tone), scale([0.74, 0.48, 0.21], tone), [0.07, 0.058, 0.05]);
    let edge = chance.between(-0.06, 0.06);
    trunk.paint(layer, &Look { fuzz: 3.2, ..*look }, &|skin| {
        let flank = blend(yellow, [1.0, 0.92, 0.74], step(0.15, -0.4, skin.back));
        let mut coat = blend(flank, rust, step(0.45, 0.85, skin.back + (skin.tuft - 0.5) * 0.5) * 0.9);
        // The black cape: crown, nape and shoulders with ragged edges, running out in a stripe along the back.
        let ragged = (skin.tuft - 0.5) * 0.34;
        let cape = step(0.50 + edge, 0.60 + edge, skin.along + ragged * 0.6) * step(0.42, 0.60, skin.back + ragged);
        let muzzle = step(0.95, 0.99, skin.along) * 0.6;
        let stripe = step(0.84, 0.96, skin.back + ragged * 0.5) * step(0.08, 0.3, skin.along);
        let cheek = step(0.72, 0.78, skin.along) * step(0.86, 0.66, skin.back + ragged * 0.4);
        let brow = step(0.90, 0.93, skin.along) * 0.75;
        coat = blend(coat, black, (cape * (1.0 - cheek) * (1.0 - brow)).max(stripe * 0.85 * (1.0 - brow)).max(muzzle));
        scale(coat, 0.80 + 0.40 * skin.tuft)
    });
    ears(layer, &trunk, look, 0.735, 0.16, 0.042 * length * pose.size, scale(rust, 0.95), scale(rust, 0.45));
    face(
        layer,
        &trunk,
        look,
        &Face { eye: 0.885, eye_angle: 0.14, eye_px: 2.7 * pose.size, whiskers: 16.0 * pose.size, nose_px: 2.6 * pose.size },
    );
}

/// Tiny and dark with a pale belly, a long pointed snout, a tail nearly as long as the body.
fn shrew(layer: &mut Layer, pose: &Pose, look: &Look, chance: &mut Chance) {
    let length = trunk_length_px(Class::Shrew);
    let radii = [
        (0.0, 0.07),
        (0.10, 0.155),
        (0.30, 0.195),
        (0.52, 0.180),
        (0.66, 0.150),
        (0.76, 0.112),
        (0.86, 0.066),
        (0.95, 0.034),
        (1.0, 0.024),
    ];
    let trunk = Limb::trunk(pose, length, &radii);
    let tone = chance.between(0.85, 1.15);
    trunk.cast_shadow(layer, 9.0, 0.55);
    let tail = rear_tail(&trunk, chance, length * pose.size, (0.72, 0.86), &[(0.0, 1.9), (0.85, 1.5), (1.0, 0.8)]);
    tail.cast_shadow(layer, 4.0, 0.35);
    tail.paint(layer, &Look { fuzz: 0.5, hair: 0.2, ..*look }, &|_| [0.30, 0.25, 0.21]);
    feet(layer, &trunk, look, &[0.18, 0.62], 0.36, 2.0 * pose.size, SKIN);
    let back = scale([0.17, 0.125, 0.095], tone);
    trunk.paint(layer, &Look { fuzz: 1.5, hair: 0.32, ..*look }, &|skin| {
        let flank = scale([0.40, 0.32, 0.25], tone);
        let coat = blend(blend([0.60, 0.56, 0.50], flank, step(-0.30, 0.0, skin.back)), back, step(0.25, 0.60, skin.back));
        blend(scale(coat, 0.82 + 0.36 * skin.tuft), SKIN, step(0.93, 1.0, skin.along) * 0.8)
    });
    face(
        layer,
        &trunk,
        look,
        &Face { eye: 0.80, eye_angle: 0.14, eye_px: 1.0 * pose.size, whiskers: 12.0 * pose.size, nose_px: 1.5 * pose.size },
    );
}

/// Long and slim, brown above and white below or all white in winter; the stoat is larger and its long tail ends in black.
fn weasel(layer: &mut Layer, pose: &Pose, look: &Look, winter: bool, stoat: bool, chance: &mut Chance) {
    let length = trunk_length_px(if stoat { Class::Stoat } else { Class::LeastWeasel });
    let radii = [
        (0.0, 0.055),
        (0.06, 0.088),
        (0.16, 0.102),
        (0.34, 0.090),
        (0.52, 0.085),
        (0.66, 0.092),
        (0.78, 0.072),
        (0.84, 0.074),
        (0.905, 0.080),
        (0.955, 0.055),
        (1.0, 0.024),
    ];
    let trunk = Limb::trunk(pose, length, &radii);
    let drawn = length * pose.size;
    let brown = scale([0.47, 0.30, 0.155], chance.between(0.85, 1.12));
    let white = [1.02, 1.0, 0.93];
    trunk.cast_shadow(layer, 12.0, 0.6);
    let tail = if stoat {
        rear_tail(&trunk, chance, drawn, (0.40, 0.48), &[(0.0, 6.0), (0.5, 5.4), (0.75, 6.4), (0.92, 5.0), (1.0, 1.2)])
    } else {
        rear_tail(&trunk, chance, drawn, (0.19, 0.25), &[(0.0, 4.0), (0.7, 3.4), (1.0, 1.2)])
    };
    tail.cast_shadow(layer, 6.0, 0.45);
    tail.paint(layer, &Look { fuzz: if stoat { 2.4 } else { 1.4 }, ..*look }, &|skin| {
        let coat = if winter { white } else { brown };
        if stoat { blend(coat, [0.03, 0.028, 0.025], step(0.56, 0.66, skin.along)) } else { coat }
    });
    let paws = if winter { scale(white, 0.9) } else { blend(brown, white, 0.5) };
    legs(layer, &trunk, look, &[0.10, 0.17, 0.63, 0.70], drawn * 0.105, drawn * 0.020, paws);
    trunk.paint(layer, &Look { fuzz: 2.0, hair: 0.34, ..*look }, &|skin| {
        if winter {
            // White fur is never quite even: shade and a breath of yellow give it form.
            return scale(blend(white, [0.80, 0.74, 0.58], step(0.4, -0.4, skin.back) * 0.6), 0.90 + 0.2 * skin.tuft);
        }
        let border = 0.30 + 0.16 * (skin.tuft - 0.5) + 0.10 * step(0.80, 0.90, skin.along);
        scale(blend(white, brown, step(border - 0.08, border + 0.08, skin.back)), 0.84 + 0.32 * skin.tuft)
    });
    let ear = if winter { scale(white, 0.86) } else { scale(brown, 1.15) };
    ears(layer, &trunk, look, 0.865, 0.16, 0.030 * drawn, ear, blend(ear, SKIN, 0.55));
    face(
        layer,
        &trunk,
        look,
        &Face { eye: 0.945, eye_angle: 0.13, eye_px: 0.0125 * drawn, whiskers: 0.10 * drawn, nose_px: 0.014 * drawn },
    );
}

/// A tail of a `share` of `length` that leaves the rear end of `trunk` and curls to one side.
fn rear_tail(trunk: &Limb, chance: &mut Chance, length: f32, share: (f32, f32), radii: &[(f32, f32)]) -> Limb {
    let length = length * chance.between(share.0, share.1);
    let ((x, y), (hx, hy), radius) = trunk.axis(0.0);
    let from = (x - hx * radius * 0.5, y - hy * radius * 0.5);
    let bend = chance.between(0.04, 0.28) * chance.sign();
    let start = chance.between(-0.06, 0.06);
    Limb::curve(from, direction(-hx, -hy) + start, bend, length, radii)
}

/// The angle of a direction, in turns, found by halving: no library function is needed.
pub(crate) fn direction(x: f32, y: f32) -> f32 {
    let mut best = 0.0;
    let mut width = 0.25;
    for _ in 0..14 {
        let score = |turns: f32| {
            let (cos, sin) = cos_sin(turns);
            cos * x + sin * y
        };
        for candidate in [best - width, best + width] {
            if score(candidate) > score(best) {
                best = candidate;
            }
        }
        width *= 0.6;
    }
    best
}

/// Two small round feet beside the trunk at each place of `at`, the far ones hidden by the body.
fn feet(layer: &mut Layer, trunk: &Limb, look: &Look, at: &[f32], angle: f32, radius: f32, colour: Rgb) {
    for &along in at {
        for side in [-1.0, 1.0] {
            let (_, (hx, hy), width) = trunk.axis(along);
            let ((x, y), _) = trunk.surface(along, angle * side);
            let ((ox, oy), _) = trunk.surface(along, 0.25 * side);
            let ((cx, cy), ..) = trunk.axis(along);
            let out = (width + radius * 0.4) / ((ox - cx) * (ox - cx) + (oy - cy) * (oy - cy)).sqrt().max(1.0);
            let from = (cx + (x - cx) * 0.9, cy + (y - cy) * 0.9);
            let to = (cx + (ox - cx) * out + hx * radius * 1.6, cy + (oy - cy) * out + hy * radius * 1.6);
            let foot =
                Limb::through(&[from, to, (to.0 + hx * radius, to.1 + hy * radius)], &[(0.0, radius), (1.0, radius * 0.7)]);
            foot.paint(layer, &Look { fuzz: 0.5, hair: 0.1, ..*look }, &|_| colour);
        }
    }
}

/// The longer legs of a weasel, standing out from under the body.
fn legs(layer: &mut Layer, trunk: &Limb, look: &Look, at: &[f32], length: f32, radius: f32, colour: Rgb) {
    for (i, &along) in at.iter().enumerate() {
        let side = if i % 2 == 0 { -1.0 } else { 1.0 };
        let ((x, y), (hx, hy), width) = trunk.axis(along);
        // Across the body, outwards, and always a little towards the lower edge: that is where the ground is seen.
        let (ox, oy) = (-hy * side, hx * side + 0.35);
        let swing = if i < 2 { -0.35 } else { 0.45 } * if i % 2 == 0 { 1.0 } else { -0.4 };
        let reach = width + length * 0.62;
        let knee = (x + ox * width * 0.8 + hx * length * swing * 0.4, y + oy * width * 0.8 + hy * length * swing * 0.4);
        let paw = (x + ox * reach + hx * length * swing, y + oy * reach + hy * length * swing);
        let toe = (paw.0 + hx * radius * 2.2, paw.1 + hy * radius * 2.2);
        let leg = Limb::through(&[(x, y), knee, paw, toe], &[(0.0, radius * 1.5), (0.6, radius), (1.0, radius * 1.05)]);
        leg.cast_shadow(layer, 4.0, 0.4);
        leg.paint(layer, &Look { fuzz: 1.0, ..*look }, &|_| colour);
    }
}

/// Round ears with a darker hollow, where they face the viewer.
#[allow(clippy::too_many_arguments, reason = "one call a species, each value named there by its place in the drawing")]
fn ears(layer: &mut Layer, trunk: &Limb, look: &Look, along: f32, angle: f32, radius: f32, rim: Rgb, hollow: Rgb) {
    for side in [-1.0, 1.0] {
        let ((x, y), facing) = trunk.surface(along, angle * side);
        if facing < -0.1 {
            continue;
        }
        let (_, (hx, hy), _) = trunk.axis(along);
        let (ox, oy) = (x - hx * radius * 0.2, y - hy * radius * 0.2);
        Limb::spot(ox, oy, radius).paint(layer, &Look { fuzz: 0.8, hair: 0.2, ..*look }, &|_| rim);
        Limb::spot(ox + hx * radius * 0.25, oy + hy * radius * 0.25, radius * 0.62).paint(
            layer,
            &Look { fuzz: 0.4, hair: 0.1, ..*look },
            &|_| hollow,
        );
    }
}

/// Places and sizes of the features of a face; sizes in pixels.
struct Face {
    eye: f32,
    eye_angle: f32,
    eye_px: f32,
    whiskers: f32,
    nose_px: f32,
}

/// Eyes with a spark of light, nose and whiskers.
fn face(layer: &mut Layer, trunk: &Limb, look: &Look, face: &Face) {
    let smooth = Look { fuzz: 0.0, hair: 0.0, ..*look };
    let (tip, (hx, hy), _) = trunk.axis(1.0);
    for side in [-1.0_f32, 1.0] {
        for spread in [0.08, 0.14, 0.20] {
            let ((x, y), facing) = trunk.surface(0.95, 0.2 * side);
            if facing < -0.3 {
                continue;
            }
            let angle = direction(hx, hy) + spread * side;
            let hair = Limb::curve((x, y), angle, 0.05 * side, face.whiskers, &[(0.0, 0.35), (1.0, 0.15)]);
            hair.paint(layer, &Look { opacity: 0.45, ..smooth }, &|_| [0.75; 3]);
        }
    }
    Limb::spot(tip.0 + hx * face.nose_px * 0.6, tip.1 + hy * face.nose_px * 0.6, face.nose_px)
        .paint(layer, &smooth, &|_| [0.16, 0.11, 0.10]);
    for side in [-1.0, 1.0] {
        let ((x, y), facing) = trunk.surface(face.eye, face.eye_angle * side);
        if facing < 0.05 {
            continue;
        }
        Limb::spot(x, y, face.eye_px).paint(layer, &smooth, &|_| EYE);
        Limb::spot(x - face.eye_px * 0.3, y - face.eye_px * 0.4, face.eye_px * 0.35).paint(layer, &smooth, &|_| [1.2; 3]);
    }
}
