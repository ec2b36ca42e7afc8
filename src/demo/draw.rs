//! Takes one photograph: box, animal, light, camera faults, information strip, JPEG.

use image::codecs::jpeg::JpegEncoder;

use super::animal::{self, Guise};
use super::body::Pose;
use super::canvas::{HEIGHT, Layer, Rgb, SCENE_HEIGHT, STRIP_PX, WIDTH, blend, blur, fill, luma, scale, write_text};
use super::chance::{Chance, clouds, cos_sin, falloff, grain, mix, step};
use super::scene::{Backdrop, Conditions};
use super::{Class, DemoError};

/// JPEG quality of the cameras: with their noise it gives files of 15 to 30 kB.
const JPEG_QUALITY: u8 = 76;
/// An animal of which less is seen is placed again.
const LEAST_VISIBLE: f32 = 0.42;

/// What happens in front of the camera.
#[derive(Debug, Clone)]
pub(crate) struct Shot {
    /// The true class.
    pub(crate) class: Class,
    /// Colour picture by daylight, else infrared.
    pub(crate) day: bool,
    /// Share of the floor under snow.
    pub(crate) snow: f32,
    /// Share of the season that has passed.
    pub(crate) season: f32,
    /// Stoats and weasels are white.
    pub(crate) winter_coat: bool,
    /// Chance of the trigger event: its images share place, light and animal.
    pub(crate) event: Chance,
    /// Which image of the event: the animal moves on between them.
    pub(crate) frame: u8,
}

/// What is written into the strip below the scene.
#[derive(Debug, Clone)]
pub(crate) struct Strip {
    /// Date, time, trigger and sequence.
    pub(crate) text: String,
    /// Phase of the moon, 0 new to 7.
    pub(crate) moon: u8,
    /// Temperature with its unit.
    pub(crate) temperature: String,
}

/// How a picture becomes useless.
#[derive(Debug, Clone, Copy)]
enum Fault {
    SnowOnLens,
    Condensation,
    Overexposed,
    Underexposed,
}

/// Photographs `shot` in the box of `backdrop` and encodes it, without any metadata.
pub(crate) fn photograph(backdrop: &Backdrop, shot: &Shot, strip: &Strip) -> Result<Vec<u8>, DemoError> {
    let scene = expose(backdrop, shot);
    let mut pixels = quantise(&scene, shot);
    draw_strip(&mut pixels, strip);
    let mut jpeg = Vec::with_capacity(32 * 1024);
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .encode(&pixels, WIDTH as u32, HEIGHT as u32, image::ExtendedColorType::Rgb8)
        .map_err(DemoError::Encode)?;
    Ok(jpeg)
}

/// The light that reaches the sensor.
fn expose(backdrop: &Backdrop, shot: &Shot) -> Vec<Rgb> {
    let mut chance = shot.event.clone();
    let mut frames = Chance::of(chance.next(), &["frame", &shot.frame.to_string()]);
    let conditions = Conditions {
        day: shot.day,
        snow: shot.snow,
        season: shot.season,
        jitter: (chance.below(3) as i32 - 1, chance.below(3) as i32 - 1),
        light: if shot.day { chance.between(0.80, 1.25) } else { chance.between(0.92, 1.12) },
    };
    let mut scene = backdrop.furnished(&conditions);
    if shot.class.is_animal() {
        let layer = place_animal(backdrop, shot, &mut chance, &mut frames);
        for (at, pixel) in scene.iter_mut().enumerate() {
            let seen = 1.0 - backdrop.hidden(at);
            let shaded = scale(*pixel, 1.0 - layer.shadow[at] * seen);
            *pixel = blend(shaded, layer.colour[at], layer.cover[at] * seen);
        }
    }
    let tint = if shot.day { [chance.between(0.96, 1.04), 1.0, chance.between(0.94, 1.08)] } else { [1.0; 3] };
    for (at, pixel) in scene.iter_mut().enumerate() {
        let light = backdrop.light(at, &conditions) * 1.18;
        *pixel = if shot.day {
            [pixel[0] * light * tint[0], pixel[1] * light * tint[1], pixel[2] * light * tint[2]]
        } else {
            [luma(*pixel) * light; 3]
        };
    }
    if shot.class == Class::BadQuality {
        spoil(&mut scene, shot, &mut chance);
    } else if chance.happens(0.12) {
        // A breath of mist that a person still sees through.
        let haze = chance.between(0.06, 0.22);
        for pixel in &mut scene {
            *pixel = blend(*pixel, [0.5; 3], haze);
        }
    }
    scene
}

/// Draws the event's animal where enough of it is seen, moved on by one step for each further frame.
fn place_animal(backdrop: &Backdrop, shot: &Shot, chance: &mut Chance, frames: &mut Chance) -> Layer {
    let light = if shot.day { (chance.sign() * 0.42, -0.30, 0.78) } else { (0.0, 0.12, 0.98) };
    let guise = Guise { winter_coat: shot.winter_coat, light };
    let individual = Chance::of(chance.next(), &["individual"]);
    let mut last = Layer::new();
    for _ in 0..10 {
        let pose = walk_on(draw_pose(backdrop, shot.class, chance), shot, frames);
        let mut layer = Layer::new();
        animal::draw(&mut layer, shot.class, &pose, guise, &mut individual.clone());
        if frames.happens(0.16) {
            let (cos, sin) = cos_sin(pose.heading);
            let speed = frames.between(4.0, 15.0);
            layer = layer.smear(cos * speed, sin * speed);
        }
        let seen: f32 = layer.cover.iter().enumerate().map(|(at, cover)| cover * (1.0 - backdrop.hidden(at))).sum();
        let whole = expected_area(shot.class) * pose.size * pose.size;
        last = layer;
        if seen > LEAST_VISIBLE * whole {
            break;
        }
    }
    last
}

/// About how many pixels an animal of usual size covers.
fn expected_area(class: Class) -> f32 {
    let length = animal::trunk_length_px(class);
    let slimness = match class {
        Class::Stoat | Class::LeastWeasel => 0.17,
        Class::Shrew => 0.27,
        _ => 0.40,
    };
    length * length * slimness
}

/// A place on the floor, mostly in the middle, with the attitudes that the class takes.
fn draw_pose(backdrop: &Backdrop, class: Class, chance: &mut Chance) -> Pose {
    let (cx, cy, half_width, half_height) = backdrop.floor();
    let y = cy + half_height * (chance.between(-0.75, 0.95) * 0.9 + 0.06);
    // Above the lower edge of the side walls there is floor only between them.
    let room = if y < backdrop.lower_edge_of_walls() { 0.55 } else { 1.25 };
    let x = cx + half_width * room * chance.between(-1.0, 1.0);
    let flexible = matches!(class, Class::Stoat | Class::LeastWeasel);
    let side_view = chance.happens(if class == Class::Bird { 0.6 } else { 0.35 });
    Pose {
        x,
        y,
        heading: chance.unit(),
        bend: chance.bell() * if flexible { 0.10 } else { 0.075 },
        wave: chance.bell() * if flexible { 0.055 } else { 0.012 },
        roll: if side_view { chance.between(0.07, 0.15) } else { chance.between(-0.04, 0.05) },
        size: (1.0 + chance.bell() * 0.08) * (0.80 + 0.30 * y / SCENE_HEIGHT as f32),
    }
    .facing_the_camera()
}

impl Pose {
    /// Turns the roll to the side that the camera sees: an animal lies on its feet.
    fn facing_the_camera(self) -> Self {
        let (cos, _) = cos_sin(self.heading);
        Self { roll: if cos < 0.0 { -self.roll } else { self.roll }, ..self }
    }
}

/// The pose some seconds later.
fn walk_on(pose: Pose, shot: &Shot, frames: &mut Chance) -> Pose {
    let steps = f32::from(shot.frame);
    let (cos, sin) = cos_sin(pose.heading);
    let way = frames.between(4.0, 34.0) * steps;
    Pose {
        x: pose.x + cos * way,
        y: pose.y + sin * way,
        heading: pose.heading + frames.bell() * 0.03 * steps,
        bend: pose.bend + frames.bell() * 0.03 * steps,
        ..pose
    }
}

/// Makes the picture useless in one of four ways.
fn spoil(scene: &mut Vec<Rgb>, shot: &Shot, chance: &mut Chance) {
    let snowy = shot.snow > 0.05;
    let fault = match chance.unit() {
        u if u < if snowy { 0.55 } else { 0.15 } => Fault::SnowOnLens,
        u if u < 0.72 => Fault::Condensation,
        u if u < 0.86 => Fault::Overexposed,
        _ => Fault::Underexposed,
    };
    let noise = chance.noise_seed();
    match fault {
        Fault::SnowOnLens => {
            blur(scene, 4);
            let cover = chance.between(0.25, 0.52);
            let (glow_x, glow_y) = (chance.between(0.3, 0.7) * WIDTH as f32, chance.between(0.2, 0.8) * SCENE_HEIGHT as f32);
            let bright = if shot.day { chance.between(0.62, 0.92) } else { chance.between(0.70, 1.05) };
            paint_everywhere(scene, |x, y, pixel| {
                let edge = clouds(noise, x / 120.0, y / 105.0) + 0.12 * (clouds(noise ^ 9, x / 16.0, y / 14.0) - 0.3);
                let (dx, dy) = ((x - glow_x) / 300.0, (y - glow_y) / 240.0);
                let flakes = 0.88 + 0.22 * clouds(noise ^ 5, x / 11.0, y / 9.0);
                let white = bright * (0.50 + 0.5 * falloff(dx * dx + dy * dy)) * flakes;
                let colour = if shot.day { [white * 0.95, white * 0.98, white * 1.02] } else { [white; 3] };
                blend(pixel, colour, step(cover - 0.08, cover + 0.10, 1.0 - edge) * 0.97)
            });
        }
        Fault::Condensation => {
            blur(scene, 5 + chance.below(4));
            let haze = chance.between(0.45, 0.78);
            let drops = 20 + chance.below(50);
            let grey = chance.between(0.42, 0.66);
            paint_everywhere(scene, |x, y, pixel| {
                let dense = haze * (0.65 + 0.6 * clouds(noise, x / 150.0, y / 120.0));
                blend(pixel, if shot.day { [grey * 0.97, grey, grey * 1.03] } else { [grey; 3] }, dense.min(0.95))
            });
            for _ in 0..drops {
                let (x, y) = (chance.unit() * WIDTH as f32, chance.unit() * SCENE_HEIGHT as f32);
                let size = chance.between(2.5, 11.0);
                droplet(scene, x, y, size);
            }
        }
        Fault::Overexposed => {
            let gain = chance.between(2.6, 5.0);
            let veil = chance.between(0.30, 0.55);
            paint_everywhere(scene, |_, _, pixel| [pixel[0] * gain + veil, pixel[1] * gain + veil, pixel[2] * gain + veil]);
            blur(scene, 2);
        }
        Fault::Underexposed => {
            let gain = chance.between(0.02, 0.10);
            paint_everywhere(scene, |_, _, pixel| scale(pixel, gain));
        }
    }
}

/// Replaces every pixel by a function of its place and colour.
fn paint_everywhere(scene: &mut [Rgb], paint: impl Fn(f32, f32, Rgb) -> Rgb) {
    for (at, pixel) in scene.iter_mut().enumerate() {
        *pixel = paint((at % WIDTH) as f32, (at / WIDTH) as f32, *pixel);
    }
}

/// A drop of water on the glass: bright above, dark below.
fn droplet(scene: &mut [Rgb], x: f32, y: f32, size: f32) {
    for py in ((y - size).max(0.0) as usize)..((y + size + 1.0) as usize).min(SCENE_HEIGHT) {
        for px in ((x - size).max(0.0) as usize)..((x + size + 1.0) as usize).min(WIDTH) {
            let (dx, dy) = ((px as f32 - x) / size, (py as f32 - y) / size);
            let inside = step(1.0, 0.75, dx * dx + dy * dy);
            let tone = 1.0 + 0.24 * inside * if dy < 0.0 { -dy } else { -dy * 0.9 };
            let pixel = &mut scene[py * WIDTH + px];
            *pixel = scale(*pixel, tone * (1.0 - 0.08 * inside));
        }
    }
}

/// Sensor noise and 8 bits; the strip stays black.
fn quantise(scene: &[Rgb], shot: &Shot) -> Vec<u8> {
    let mut chance = Chance::of(shot.event.clone().next(), &["sensor", &shot.frame.to_string()]);
    let noise = chance.noise_seed();
    let level = if shot.day { 0.010 } else { chance.between(0.012, 0.020) };
    let mut pixels = vec![0; WIDTH * HEIGHT * 3];
    for (at, colour) in scene.iter().enumerate() {
        let (x, y) = ((at % WIDTH) as i32, (at / WIDTH) as i32);
        let shared = grain(noise, x, y) + grain(noise ^ 1, x, y) - 1.0;
        for (channel, &value) in colour.iter().enumerate() {
            let own = if shot.day { grain(noise ^ (2 + channel as u32), x, y) - 0.5 } else { 0.0 };
            let bright = value.clamp(0.0, 1.3);
            // A soft shoulder instead of a hard limit, as cameras have.
            let toned = if bright > 0.8 { 0.8 + 0.2 * (1.0 - falloff((bright - 0.8) * 5.0)) } else { bright };
            let noisy = toned + (shared + own * 0.5) * level * mix(1.6, 0.8, toned);
            pixels[at * 3 + channel] = (noisy.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        }
    }
    pixels
}

/// Writes date, trigger, moon and temperature below the scene.
fn draw_strip(pixels: &mut [u8], strip: &Strip) {
    let top = SCENE_HEIGHT + (STRIP_PX - 14) / 2;
    write_text(pixels, &strip.text, 6, top);
    let width = strip.temperature.chars().count() * 12;
    write_text(pixels, &strip.temperature, WIDTH - 6 - width, top);
    draw_moon(pixels, strip.moon, WIDTH - 100, top + 7);
}

/// A disc of 13 pixels with its lit part filled: right while waxing, left while waning.
fn draw_moon(pixels: &mut [u8], phase: u8, cx: usize, cy: usize) {
    let lit: i32 = [0, 3, 7, 10, 13, 10, 7, 3][usize::from(phase % 8)];
    for y in -6..=6_i32 {
        for x in -6..=6_i32 {
            let squared = x * x + y * y;
            let waxing = phase <= 4;
            let inside = if waxing { x > 6 - lit } else { x < lit - 6 };
            if squared <= 40 && (inside || squared >= 31) {
                fill(pixels, cx.saturating_add_signed(x as isize), cy.saturating_add_signed(y as isize), 1, 1);
            }
        }
    }
}
