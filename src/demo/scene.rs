//! The inside of one camera box: walls, tunnel openings, floor, litter, snow and the light that falls on them.
//!
//! A site's box stands still: its backdrop is drawn once and every image of the site starts from it.

use super::canvas::{Rgb, SCENE_HEIGHT, WIDTH, blend, scale};
use super::chance::{Chance, clouds, falloff, grain, mix, smooth_noise, step};

/// How one box is built and stands; a site keeps it for ever.
#[derive(Debug, Clone)]
struct Shape {
    left_x: f32,
    right_x: f32,
    back_y: f32,
    left_y: f32,
    right_y: f32,
    lean: f32,
    lip_y: f32,
    lamp: (f32, f32),
    floor: Rgb,
    wall: Rgb,
    grain_across: f32,
    noise: u32,
}

/// One bit of grass, leaf or dropping on the floor.
#[derive(Debug, Clone)]
struct Litter {
    x: f32,
    y: f32,
    dx: f32,
    dy: f32,
    thickness: f32,
    colour: Rgb,
    /// Share of the season after which it lies there.
    from: f32,
}

/// A site's box, ready to be photographed.
#[derive(Debug, Clone)]
pub(crate) struct Backdrop {
    shape: Shape,
    litter: Vec<Litter>,
    albedo: Vec<Rgb>,
    /// 1 where a side wall hides what is behind it.
    wall: Vec<f32>,
    infrared: Vec<f32>,
    daylight: Vec<f32>,
    /// Noise that says where snow lies first.
    drift: Vec<f32>,
}

/// What of the surroundings changes from image to image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditions {
    /// Colour picture by daylight, else infrared.
    pub(crate) day: bool,
    /// Share of the floor under drifted snow, 0 to 1.
    pub(crate) snow: f32,
    /// Share of the season that has passed.
    pub(crate) season: f32,
    /// How far the box or camera has moved, in pixels.
    pub(crate) jitter: (i32, i32),
    /// Brightness of the lamp or the sky, about 1.
    pub(crate) light: f32,
}

impl Backdrop {
    /// Draws the empty box of the site that `name` and `seed` stand for.
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        let mut chance = Chance::of(seed, &["backdrop", name]);
        let shape = Shape::draw(&mut chance);
        let litter = draw_litter(&mut chance, &shape);
        let n = WIDTH * SCENE_HEIGHT;
        let mut out = Self {
            albedo: Vec::with_capacity(n),
            wall: Vec::with_capacity(n),
            infrared: Vec::with_capacity(n),
            daylight: Vec::with_capacity(n),
            drift: Vec::with_capacity(n),
            shape,
            litter,
        };
        for y in 0..SCENE_HEIGHT {
            for x in 0..WIDTH {
                out.measure(x as f32, y as f32);
            }
        }
        out
    }

    /// Adds the pixel at `(x, y)` to every map.
    fn measure(&mut self, x: f32, y: f32) {
        let s = &self.shape;
        let left_edge = s.left_x + (y - s.back_y) * s.lean;
        let right_edge = s.right_x - (y - s.back_y) * s.lean;
        let left_end = s.left_y + x * 0.09;
        let right_end = s.right_y + (WIDTH as f32 - x) * 0.09;
        let left = step(0.8, -0.8, x - left_edge) * step(0.8, -0.8, y - left_end);
        let right = step(-0.8, 0.8, x - right_edge) * step(0.8, -0.8, y - right_end);
        let wall = left.max(right);
        let middle = (x - WIDTH as f32 * 0.5) / WIDTH as f32;
        let back = step(1.0, -1.0, y - (s.back_y + 10.0 * middle * middle)) * (1.0 - wall);
        let lip = y - (s.lip_y - 90.0 * middle * middle);

        let fine = smooth_noise(s.noise, x / 1.7, y / (1.7 * s.grain_across));
        let stain = clouds(s.noise ^ 0x77, x / 46.0, y / 38.0);
        let mut floor = scale(s.floor, 0.80 + 0.14 * fine + 0.22 * (stain - 0.35));
        if lip > 0.0 {
            floor = scale(floor, 0.82);
        }
        floor = blend(floor, [0.92; 3], 0.35 * falloff(lip * lip * 0.5));
        let bands = smooth_noise(s.noise ^ 0x99, x / 23.0, 0.0);
        let wall_tone = scale(s.wall, 0.72 + 0.3 * bands + 0.10 * fine);
        let mut albedo = blend(floor, scale(wall_tone, 0.62), back);
        albedo = blend(albedo, wall_tone, wall);
        // Seams: a dark line along every edge of a wall, and the deep shade of the tunnels below the side walls.
        let seam = falloff((x - left_edge) * (x - left_edge) * 0.3) * step(6.0, 0.0, y - left_end)
            + falloff((x - right_edge) * (x - right_edge) * 0.3) * step(6.0, 0.0, y - right_end)
            + falloff((y - s.back_y) * (y - s.back_y) * 0.3) * (1.0 - wall);
        albedo = scale(albedo, 1.0 - 0.5 * seam.min(1.0));
        let tunnel_left = step(10.0, -60.0, x - left_edge) * step(70.0, 0.0, y - left_end) * step(-2.0, 1.0, y - left_end);
        let tunnel_right = step(-10.0, 60.0, x - right_edge) * step(70.0, 0.0, y - right_end) * step(-2.0, 1.0, y - right_end);
        let shade = 1.0 - 0.78 * tunnel_left.max(tunnel_right);

        let (lx, ly) = ((x - s.lamp.0) / 230.0, (y - s.lamp.1) / 190.0);
        let far = lx * lx + ly * ly;
        let lamp = falloff(far * 1.35) * falloff(far * far * 0.16) + 0.35 * falloff(far * 500.0) * (1.0 - wall);
        // By day light comes in through the tunnel openings on both sides.
        let sides = middle.abs() * 2.0;
        let day = (0.58 + 0.66 * sides * sides * step(s.left_y - 60.0, s.left_y + 70.0, y)) * (1.0 - 0.22 * wall - 0.2 * back);

        let heap = clouds(s.noise ^ 0x5A5A, x / 60.0, y / 44.0) + 0.20 * (clouds(s.noise ^ 0x1D, x / 9.0, y / 7.0) - 0.2);
        self.drift.push((heap * 0.62 + 0.42 * sides * step(s.left_y - 10.0, s.left_y + 60.0, y)) * (1.0 - wall) * (1.0 - back));
        self.albedo.push(albedo);
        self.wall.push(wall);
        self.infrared.push(lamp * shade);
        self.daylight.push(day * mix(1.0, shade, 0.75));
    }

    /// Where animals may stand: centre and half extents of the floor.
    pub(crate) fn floor(&self) -> (f32, f32, f32, f32) {
        let s = &self.shape;
        let middle = f32::midpoint(s.left_x, s.right_x);
        let top = s.back_y + 40.0;
        let bottom = SCENE_HEIGHT as f32 - 22.0;
        (middle, f32::midpoint(top, bottom), (s.right_x - s.left_x) * 0.72, (bottom - top) * 0.5)
    }

    /// True where the floor between the walls leaves room for an animal that is wholly seen.
    pub(crate) fn lower_edge_of_walls(&self) -> f32 {
        self.shape.left_y.min(self.shape.right_y)
    }

    /// How much a side wall hides at pixel `at`.
    pub(crate) fn hidden(&self, at: usize) -> f32 {
        self.wall[at]
    }

    /// The light at pixel `at`.
    pub(crate) fn light(&self, at: usize, conditions: &Conditions) -> f32 {
        conditions.light * if conditions.day { self.daylight[at] } else { self.infrared[at] }
    }

    /// The reflectance of the box without animals.
    pub(crate) fn furnished(&self, conditions: &Conditions) -> Vec<Rgb> {
        let mut scene = Vec::with_capacity(self.albedo.len());
        let limit = 0.95 - 0.75 * conditions.snow;
        for y in 0..SCENE_HEIGHT {
            let from_y = shifted(y, conditions.jitter.1, SCENE_HEIGHT);
            for x in 0..WIDTH {
                let at = from_y * WIDTH + shifted(x, conditions.jitter.0, WIDTH);
                let mut colour = self.albedo[at];
                if conditions.snow > 0.0 {
                    let cover = step(limit, limit + 0.14, self.drift[at]);
                    let bright = 0.74 + 0.45 * (self.drift[at] - limit).min(0.35);
                    colour = blend(colour, [bright * 0.97, bright * 0.985, bright], cover * 0.96);
                }
                scene.push(colour);
            }
        }
        for bit in self.litter.iter().filter(|bit| bit.from <= conditions.season && self.wall[pixel(bit.x, bit.y)] < 0.1) {
            let buried = step(limit, limit + 0.09, self.drift[pixel(bit.x, bit.y)]);
            bit.draw(&mut scene, 1.0 - 0.9 * buried * step(0.0, 0.1, conditions.snow), conditions.jitter);
        }
        scene
    }
}

/// The pixel of a point inside the scene.
fn pixel(x: f32, y: f32) -> usize {
    (y as usize).min(SCENE_HEIGHT - 1) * WIDTH + (x as usize).min(WIDTH - 1)
}

/// Moves an index by a few pixels and keeps it inside.
fn shifted(i: usize, by: i32, length: usize) -> usize {
    i.saturating_add_signed(by as isize).min(length - 1)
}

impl Shape {
    fn draw(chance: &mut Chance) -> Self {
        let (w, h) = (WIDTH as f32, SCENE_HEIGHT as f32);
        let left_y = h * chance.between(0.40, 0.50);
        // Aluminium, sun-bleached wood, grey plastic.
        let (floor, wall, grain_across) = match chance.below(3) {
            0 => ([0.60, 0.61, 0.62], [0.42, 0.43, 0.44], 1.0),
            1 => ([0.62, 0.55, 0.45], [0.48, 0.42, 0.34], 5.0),
            _ => ([0.52, 0.54, 0.52], [0.36, 0.38, 0.37], 1.4),
        };
        let tone = chance.between(0.86, 1.14);
        let left_x = w * chance.between(0.24, 0.31);
        let right_x = w * chance.between(0.69, 0.76);
        Self {
            left_x,
            right_x,
            back_y: h * chance.between(0.10, 0.17),
            left_y,
            right_y: left_y + h * chance.between(-0.04, 0.06),
            lean: chance.between(-0.10, 0.02),
            lip_y: h * chance.between(0.86, 0.97),
            lamp: (f32::midpoint(left_x, right_x) + chance.between(-14.0, 14.0), h * chance.between(0.40, 0.52)),
            floor: scale(floor, tone),
            wall: scale(wall, tone),
            grain_across,
            noise: chance.noise_seed(),
        }
    }
}

/// Hay along the walls, scattered leaves and droppings, more of them late in the season.
fn draw_litter(chance: &mut Chance, shape: &Shape) -> Vec<Litter> {
    let amount = 30 + chance.below(110);
    (0..amount)
        .map(|_| {
            let along_wall = chance.happens(0.4);
            let x = if along_wall {
                let edge = if chance.happens(0.5) { shape.left_x + 12.0 } else { shape.right_x - 12.0 };
                edge + chance.bell() * 12.0
            } else {
                f32::midpoint(shape.left_x, shape.right_x) + chance.bell() * 95.0
            };
            let y = chance.between(shape.back_y + 12.0, SCENE_HEIGHT as f32 - 8.0);
            let (kind, length) = (chance.unit(), chance.between(3.0, 13.0));
            let (cos, sin) = super::chance::cos_sin(chance.unit());
            let tone = chance.between(0.75, 1.2);
            let (colour, length, thickness) = if kind < 0.70 {
                ([0.86, 0.78, 0.50], length, chance.between(0.5, 1.1)) // straw
            } else if kind < 0.85 {
                ([0.55, 0.42, 0.22], length * 0.4, chance.between(1.4, 2.6)) // leaf
            } else {
                ([0.10, 0.08, 0.06], 2.5, 1.3) // dropping
            };
            Litter {
                x: x.clamp(6.0, WIDTH as f32 - 6.0),
                y,
                dx: cos * length,
                dy: sin * length * 0.8,
                thickness,
                colour: scale(colour, tone),
                from: if chance.happens(0.55) { 0.0 } else { chance.unit() },
            }
        })
        .collect()
}

impl Litter {
    /// Draws the stroke and the thin shade below it.
    fn draw(&self, scene: &mut [Rgb], alpha: f32, jitter: (i32, i32)) {
        let (x, y) = (self.x - jitter.0 as f32, self.y - jitter.1 as f32);
        let reach = self.dx.abs().max(self.dy.abs()) + self.thickness + 3.0;
        let rows = ((y - reach).max(0.0) as usize)..((y + reach).max(0.0) as usize).min(SCENE_HEIGHT);
        let length = (self.dx * self.dx + self.dy * self.dy).max(0.01);
        for py in rows {
            for px in ((x - reach).max(0.0) as usize)..((x + reach).max(0.0) as usize).min(WIDTH) {
                let gap = |ox: f32, oy: f32| {
                    let (vx, vy) = (px as f32 - x - ox, py as f32 - y - oy);
                    let along = ((vx * self.dx + vy * self.dy) / length).clamp(-1.0, 1.0);
                    let (rx, ry) = (vx - along * self.dx, vy - along * self.dy);
                    (rx * rx + ry * ry).sqrt() - self.thickness
                };
                let pixel = &mut scene[py * WIDTH + px];
                let shade = step(1.2, -0.6, gap(1.0, 1.4)) * 0.45 * alpha;
                *pixel = scale(*pixel, 1.0 - shade);
                let tone = 0.85 + 0.3 * grain(7, px as i32, py as i32);
                *pixel = blend(*pixel, scale(self.colour, tone), step(0.6, -0.5, gap(0.0, 0.0)) * alpha);
            }
        }
    }
}
