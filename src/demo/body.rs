//! Soft, furred bodies: a spine with a radius that is shaded like a round trunk and covered with hair or feathers.

use super::canvas::{Layer, Rgb, SCENE_HEIGHT, WIDTH, scale};
use super::chance::{clouds, cos_sin, mix, smooth_noise, step};

/// A point of a spine.
#[derive(Debug, Clone, Copy)]
struct Joint {
    x: f32,
    y: f32,
    radius: f32,
}

/// A trunk, tail, leg, ear or wing: joints at even steps from 0 (behind) to 1 (in front).
#[derive(Debug, Clone)]
pub(crate) struct Limb {
    joints: Vec<Joint>,
    length: f32,
    /// How far the body is rolled towards the viewer, as cosine and sine.
    roll: (f32, f32),
}

/// Where and how an animal stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pose {
    /// Middle of the spine, in pixels.
    pub(crate) x: f32,
    /// Middle of the spine, in pixels.
    pub(crate) y: f32,
    /// Direction of the head, in turns; 0 points right, a quarter points down.
    pub(crate) heading: f32,
    /// Turn of the direction along the whole spine, in turns.
    pub(crate) bend: f32,
    /// Opposite turns of the front and the hind half, in turns.
    pub(crate) wave: f32,
    /// Roll of the back towards the viewer, in turns.
    pub(crate) roll: f32,
    /// Size against the species' usual one.
    pub(crate) size: f32,
}

/// What of a limb lies nearest to a pixel.
#[derive(Debug, Clone, Copy)]
struct Nearest {
    /// Distance to the outline, below 0 inside, in pixels.
    gap: f32,
    /// Place along the spine, 0 to 1.
    along: f32,
    /// Distance from the spine with the sign of the flank, in pixels.
    side: f32,
    /// Radius there, in pixels.
    radius: f32,
    /// Coordinates for the hair, which runs straight over the round ends, in pixels.
    forward: f32,
    lateral: f32,
}

/// A place on the surface of a limb, and the hair that grows there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Skin {
    /// 0 at the rear end, 1 in front.
    pub(crate) along: f32,
    /// 1 on the back, 0 on the flanks, below 0 on the belly.
    pub(crate) back: f32,
    /// Tufts of hair, around 0.5.
    pub(crate) tuft: f32,
    /// Across the limb as drawn, -1 to 1.
    pub(crate) across: f32,
}

/// How foreshortened the floor is from the camera's place.
const TILT: f32 = 0.80;

/// The radius at `along` in a table of `(along, radius)`, both rising from 0 to 1.
pub(crate) fn profile(table: &[(f32, f32)], along: f32) -> f32 {
    let mut before = table[0];
    for &point in table {
        if along <= point.0 {
            let width = (point.0 - before.0).max(1e-6);
            return mix(before.1, point.1, step(0.0, 1.0, (along - before.0) / width));
        }
        before = point;
    }
    before.1
}

impl Limb {
    /// A trunk of `length` pixels in `pose`, its radii given as shares of the length.
    pub(crate) fn trunk(pose: &Pose, length: f32, radii: &[(f32, f32)]) -> Self {
        const JOINTS: usize = 28;
        let length = length * pose.size;
        let stride = length / (JOINTS - 1) as f32;
        let mut joints = Vec::with_capacity(JOINTS);
        let (mut x, mut y) = (0.0, 0.0);
        for i in 0..JOINTS {
            let along = i as f32 / (JOINTS - 1) as f32;
            joints.push(Joint { x, y, radius: profile(radii, along) * length });
            let centred = along - 0.5;
            let turn = pose.heading
                + pose.bend * centred
                + pose.wave * (0.25 - centred * centred) * 4.0 * if centred < 0.0 { -1.0 } else { 1.0 };
            let (cos, sin) = cos_sin(turn);
            x += cos * stride;
            y += sin * stride * TILT;
        }
        let middle = joints[JOINTS / 2];
        for joint in &mut joints {
            joint.x += pose.x - middle.x;
            joint.y += pose.y - middle.y;
        }
        // The camera looks from the lower edge of the picture: it sees more of the flank that faces it.
        let (facing, _) = cos_sin(pose.heading);
        Self { joints, length, roll: cos_sin(pose.roll + 0.06 * facing) }
    }

    /// A limb through given points, its radius following `radii` in pixels.
    pub(crate) fn through(points: &[(f32, f32)], radii: &[(f32, f32)]) -> Self {
        let last = (points.len() - 1).max(1) as f32;
        let joints: Vec<Joint> =
            points.iter().enumerate().map(|(i, &(x, y))| Joint { x, y, radius: profile(radii, i as f32 / last) }).collect();
        let length = joints.windows(2).map(|pair| distance(pair[0], pair[1])).sum();
        Self { joints, length, roll: (1.0, 0.0) }
    }

    /// A curved limb that leaves `from` in direction `heading` and turns by `bend` turns on its way.
    pub(crate) fn curve(from: (f32, f32), heading: f32, bend: f32, length: f32, radii: &[(f32, f32)]) -> Self {
        const JOINTS: usize = 14;
        let mut points = Vec::with_capacity(JOINTS);
        let (mut x, mut y) = from;
        for i in 0..JOINTS {
            points.push((x, y));
            let (cos, sin) = cos_sin(heading + bend * i as f32 / (JOINTS - 1) as f32);
            x += cos * length / (JOINTS - 1) as f32;
            y += sin * length / (JOINTS - 1) as f32 * TILT;
        }
        Self::through(&points, radii)
    }

    /// A round or oval spot.
    pub(crate) fn spot(x: f32, y: f32, radius: f32) -> Self {
        Self::through(&[(x, y), (x + 0.01, y)], &[(0.0, radius), (1.0, radius)])
    }

    /// The point of the surface at `along` and at `angle` turns from the line of the back, with how much it faces the viewer.
    pub(crate) fn surface(&self, along: f32, angle: f32) -> ((f32, f32), f32) {
        let (joint, (hx, hy)) = self.at(along);
        let (cos, sin) = cos_sin(angle);
        let across = sin * self.roll.0 - cos * self.roll.1;
        let facing = cos * self.roll.0 + sin * self.roll.1;
        ((joint.x - hy * across * joint.radius, joint.y + hx * across * joint.radius), facing)
    }

    /// The point of the spine at `along` and the direction forwards there, in turns of the plane as drawn.
    pub(crate) fn axis(&self, along: f32) -> ((f32, f32), (f32, f32), f32) {
        let (joint, forward) = self.at(along);
        ((joint.x, joint.y), forward, joint.radius)
    }

    fn at(&self, along: f32) -> (Joint, (f32, f32)) {
        let last = self.joints.len() - 1;
        let position = along.clamp(0.0, 1.0) * last as f32;
        let i = (position as usize).min(last - 1);
        let (a, b) = (self.joints[i], self.joints[i + 1]);
        let share = position - i as f32;
        let d = distance(a, b).max(1e-6);
        let joint = Joint { x: mix(a.x, b.x, share), y: mix(a.y, b.y, share), radius: mix(a.radius, b.radius, share) };
        (joint, ((b.x - a.x) / d, (b.y - a.y) / d))
    }

    /// The nearest part of the surface.
    fn nearest(&self, x: f32, y: f32) -> Nearest {
        let last = (self.joints.len() - 1) as f32;
        let mut best = Nearest { gap: f32::MAX, along: 0.0, side: 0.0, radius: 1.0, forward: 0.0, lateral: 0.0 };
        for (i, pair) in self.joints.windows(2).enumerate() {
            let (a, b) = (pair[0], pair[1]);
            let (dx, dy) = (b.x - a.x, b.y - a.y);
            let squared = (dx * dx + dy * dy).max(1e-9);
            let share = (((x - a.x) * dx + (y - a.y) * dy) / squared).clamp(0.0, 1.0);
            let (rx, ry) = (x - a.x - dx * share, y - a.y - dy * share);
            let d = (rx * rx + ry * ry).sqrt();
            let radius = mix(a.radius, b.radius, share);
            if d - radius < best.gap {
                let step = squared.sqrt();
                let along = (i as f32 + share) / last;
                let lateral = (dx * ry - dy * rx) / step;
                best = Nearest {
                    gap: d - radius,
                    along,
                    side: if lateral < 0.0 { -d } else { d },
                    radius,
                    forward: along * self.length + (rx * dx + ry * dy) / step,
                    lateral,
                };
            }
        }
        best
    }

    /// The pixels that the limb and a margin may touch: columns and rows, empty when it lies outside.
    fn extent(&self, margin: f32) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let (mut left, mut right, mut top, mut bottom) = (f32::MAX, f32::MIN, f32::MAX, f32::MIN);
        for joint in &self.joints {
            let reach = joint.radius + margin;
            left = left.min(joint.x - reach);
            right = right.max(joint.x + reach);
            top = top.min(joint.y - reach);
            bottom = bottom.max(joint.y + reach);
        }
        let within = |low: f32, high: f32, limit: usize| (low.max(0.0) as usize)..((high.max(0.0) as usize + 1).min(limit));
        (within(left, right, WIDTH), within(top, bottom, SCENE_HEIGHT))
    }

    /// Darkens the floor beside the limb.
    pub(crate) fn cast_shadow(&self, layer: &mut Layer, softness: f32, strength: f32) {
        let (columns, rows) = self.extent(softness + 6.0);
        for y in rows {
            for x in columns.clone() {
                let gap = self.nearest(x as f32 - 1.5, y as f32 - 4.0).gap;
                let near = 1.0 - (gap / softness).clamp(0.0, 1.0);
                let at = y * WIDTH + x;
                layer.shadow[at] = layer.shadow[at].max(near * near * strength);
            }
        }
    }

    /// Paints the limb: `coat` gives the hair's colour at each place of the skin, `fuzz` how far hairs stand out, in pixels.
    pub(crate) fn paint(&self, layer: &mut Layer, look: &Look, coat: &dyn Fn(&Skin) -> Rgb) {
        let (columns, rows) = self.extent(look.fuzz + 2.0);
        for y in rows {
            for x in columns.clone() {
                let Nearest { gap, along, side, radius, forward, lateral } = self.nearest(x as f32, y as f32);
                if gap > look.fuzz + 1.5 {
                    continue;
                }
                let hair = smooth_noise(look.noise, forward / 4.6 + lateral.abs() * 0.16, lateral / 1.25);
                let fine = smooth_noise(look.noise ^ 0xF1, forward / 2.1, lateral / 0.8);
                let tuft = clouds(look.noise ^ 0x3C, forward / 11.0, lateral / 8.0);
                let cover = step(0.75, -0.75, gap - (hair - 0.45) * look.fuzz);
                if cover <= 0.0 {
                    continue;
                }
                let across = (side / radius.max(0.3)).clamp(-1.0, 1.0);
                let height = (1.0 - across * across).max(0.0).sqrt();
                let skin = Skin { along, back: height * self.roll.0 - across * self.roll.1, tuft, across };
                let lit = 0.36 + 0.64 * (height * look.light.2 + across * self.sideways(along, look.light)).clamp(0.0, 1.1);
                let texture = 1.0 + look.hair * ((hair - 0.5) * 0.9 + (fine - 0.5) * 0.55 + (tuft - 0.5) * 0.9);
                layer.paint(y * WIDTH + x, scale(coat(&skin), lit * texture), cover * look.opacity);
            }
        }
    }

    /// The light that falls on the flank at `across` = 1.
    fn sideways(&self, along: f32, light: (f32, f32, f32)) -> f32 {
        let (_, (hx, hy)) = self.at(along);
        -hy * light.0 + hx * light.1
    }
}

/// How a limb's surface takes light.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// How far hairs stand out from the outline, in pixels.
    pub(crate) fuzz: f32,
    /// Contrast of the hair, 0 for smooth skin.
    pub(crate) hair: f32,
    /// Direction towards the light: right, down, up.
    pub(crate) light: (f32, f32, f32),
    /// Share of what is behind that is hidden.
    pub(crate) opacity: f32,
    /// Seed of the hair.
    pub(crate) noise: u32,
}

fn distance(a: Joint, b: Joint) -> f32 {
    ((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)).sqrt()
}
