// A box for one Pi with its camera in the lid, in two printed parts. Millimetres.
// scripts/hardware enclosure makes STL and pictures of it; every value below may be set there or in OpenSCAD's customizer.

board = "pi";       // [pi: Pi 3 B+, 4 and 5 (85 x 56), zero: Pi Zero 2 W (65 x 30)]
part = "both";      // [base, lid, both: a picture of how it goes together]
sealed = false;     // outdoors: no openings but a cable gland, and a groove for a 2 mm gasket cord
wall = 2.4;
room_z = 40;        // free height above the floor: board, HAT, plugs
room_side = 10;     // free width around the board, for wires
glass = 10;         // diameter of the hole for the lens
buttons = 2;        // holes for push-buttons
button_hole = 12.2;
lights = 2;         // holes for 3 mm LEDs
pir = false;        // a hole for the lens of an AM312
pir_hole = 10.4;
gland_hole = 12.5;  // PG7; sealed only

/* [Hidden] */
$fn = 48;
pi_x = board == "zero" ? 65 : 85;
pi_y = board == "zero" ? 30 : 56;
hole_x = 58;
hole_y = board == "zero" ? 23 : 49;
hole_in = 3.5;                      // of the board's holes from its corner
standoff = 5;
corner = 8;
post = 9;                           // of the lid's screws, in the corners
inner_x = pi_x + 2 * room_side + (board == "zero" ? 16 : 0);
inner_y = max(pi_y + 2 * room_side, 62);   // camera and buttons side by side in the lid
outer_x = inner_x + 2 * wall;
outer_y = inner_y + 2 * wall;
lip = 3;
play = 0.25;
lid_z = sealed ? 3.6 : wall;
button_pitch = min(20, (inner_y - 14) / buttons);
assert(buttons * button_pitch <= inner_y && button_pitch > button_hole + 2, "the buttons do not fit: fewer, or a larger room_side");

module plate(x, y, r, z) { linear_extrude(z) offset(r) square([x - 2 * r, y - 2 * r], center = true); }

module corners(x, y) { for (sx = [-1, 1], sy = [-1, 1]) translate([sx * x / 2, sy * y / 2, 0]) children(); }

module posts_at() { corners(inner_x - post, inner_y - post) children(); }

// The board lies along the lower wall, where its power plug comes in; USB and Ethernet look through the right wall.
board_x = 0;
board_y = sealed ? 0 : -(inner_y - pi_y) / 2 + 1;
assert(pi_x / 2 + abs(board_x) < inner_x / 2 - post, "the board stands in the way of the lid's screws: more room_side");
module holes_at() {
  translate([board_x - pi_x / 2 + hole_in + hole_x / 2, board_y, 0]) corners(hole_x, hole_y) children();
}

module openings() {
  top = wall + standoff + 1.6;
  if (board == "pi") {
    translate([outer_x / 2 - wall - 1, board_y - 27, top - 1]) cube([wall + 2, 54, 18]);
    translate([board_x - pi_x / 2 + 3, -outer_y / 2 - 1, top - 1]) cube([52, wall + 2, 9]);
  } else {
    translate([board_x - pi_x / 2 + 5, -outer_y / 2 - 1, top - 1]) cube([58, wall + 2, 7]);
  }
  for (i = [-4:4]) translate([i * 7, outer_y / 2 - wall - 1, wall + 10]) cube([2.4, wall + 2, room_z - 18]);
}

module base() {
  difference() {
    union() {
      difference() {
        plate(outer_x, outer_y, corner, wall + room_z);
        translate([0, 0, wall]) plate(inner_x, inner_y, corner - wall, room_z + 1);
      }
      intersection() {
        plate(outer_x - wall, outer_y - wall, corner - wall / 2, wall + room_z - lip - 0.5);
        posts_at() cylinder(d = post, h = wall + room_z);
      }
      holes_at() cylinder(d = 6, h = wall + standoff);
      for (side = [-1, 1]) translate([side * (outer_x / 2 + 5), 0, 0]) ear(side);
    }
    posts_at() translate([0, 0, wall + 6]) cylinder(d = 2.6, h = room_z);       // M3 screws cut their own thread
    holes_at() translate([0, 0, 1.2]) cylinder(d = 2.2, h = wall + standoff);   // M2.5, likewise
    for (side = [-1, 1]) translate([side * (outer_x / 2 + 7), 0, -1]) cylinder(d = 4.5, h = 10);
    if (sealed) translate([0, -outer_y / 2 - 1, wall + 14]) rotate([-90, 0, 0]) cylinder(d = gland_hole, h = wall + 2);
    else openings();
  }
}

module ear(side) {
  linear_extrude(4) hull() {
    translate([side * 2, 0]) circle(d = 14);
    translate([-side * 6, 0]) square([2, 22], center = true);
  }
}

// Seen from outside; its inner side carries the camera module.
module lid() {
  camera_x = -outer_x / 4;
  difference() {
    union() {
      plate(outer_x, outer_y, corner, lid_z);
      translate([0, 0, lid_z - 0.01]) difference() {
        plate(inner_x - 2 * play, inner_y - 2 * play, corner - wall - play, lip);
        translate([0, 0, -1]) plate(inner_x - 2 * play - 3, inner_y - 2 * play - 3, corner - wall - 1.5, lip + 2);
        posts_at() translate([0, 0, -1]) cylinder(d = post + 2, h = lip + 2);
      }
      translate([camera_x, 0, lid_z - 0.01]) camera_mounts() cylinder(d = 5, h = 5);
    }
    posts_at() translate([0, 0, -1]) cylinder(d = 3.4, h = lid_z + 2);
    posts_at() translate([0, 0, -0.01]) cylinder(d1 = 6.4, d2 = 3.4, h = 1.6);
    translate([camera_x, 0, -1]) cylinder(d = glass, h = lid_z + 2);
    translate([camera_x, 0, -0.01]) cylinder(d = glass + 8, h = 1.2);           // a disc of glass is glued in here
    translate([camera_x, 0, 1]) camera_mounts() cylinder(d = 1.7, h = lid_z + 8);
    for (i = [0:1:buttons - 1]) translate([outer_x / 4, (i - (buttons - 1) / 2) * button_pitch, -1]) cylinder(d = button_hole, h = lid_z + 2);
    for (i = [0:1:lights - 1]) translate([2, (i - (lights - 1) / 2) * 12, -1]) cylinder(d = 3.2, h = lid_z + 2);
    if (pir) translate([2, inner_y / 2 - 14, -1]) cylinder(d = pir_hole, h = lid_z + 2);
    if (sealed) translate([0, 0, lid_z - 1.4]) linear_extrude(2) difference() {
      offset(corner - wall / 2 + 0.8) square([outer_x - 2 * corner, outer_y - 2 * corner], center = true);
      offset(corner - wall / 2 - 0.8) square([outer_x - 2 * corner, outer_y - 2 * corner], center = true);
    }
  }
}

// The four holes of the Raspberry Pi camera modules, seen from the lens: it is in line with one pair.
module camera_mounts() {
  for (x = [-10.5, 10.5], y = [0, 12.5]) translate([x, y, 0]) children();
}

// What is put in, for the pictures: a board with its header and sockets, the camera module, buttons and lights.
module board_shape() {
  translate([board_x, board_y, wall + standoff]) {
    color("#2e7d4f") translate([0, 0, 0.7]) cube([pi_x, pi_y, 1.4], center = true);
    color("#3c4043") translate([board_x - pi_x / 2 + hole_in + hole_x / 2, pi_y / 2 - 3.5, 5]) cube([51, 5, 8], center = true);
    color("#3c4043") translate([-8, 0, 2.4]) cube([14, 14, 2.4], center = true);
    if (board == "pi") color("#c9ced3") for (y = [-18, 0, 18]) translate([pi_x / 2 - 7, y, 8]) cube([18, 14, 14], center = true);
    color("#c9ced3") for (x = [-24, -8, 6]) translate([x, -pi_y / 2 + 3, 2.6]) cube([8, 7, 3], center = true);
  }
}

module lid_parts() {
  camera_x = -outer_x / 4;
  color("#2e7d4f") translate([camera_x, 6, lid_z + 5.6]) cube([25, 24, 1.2], center = true);
  color("#202124") translate([camera_x, 0, lid_z + 2.5]) cylinder(d = 8.5, h = 5, center = true);
  for (i = [0:1:buttons - 1]) translate([outer_x / 4, (i - (buttons - 1) / 2) * button_pitch, 0]) {
    color("#202124") translate([0, 0, -1]) cylinder(d = 14, h = 1.2);
    color(["#f2b134", "#4285f4", "#34a853", "#ea4335"][i % 4]) translate([0, 0, -3.4]) cylinder(d = 9, h = 3);
    color("#202124") translate([0, 0, lid_z]) cylinder(d = 11, h = 12);
  }
  for (i = [0:1:lights - 1]) color(i ? "#ea4335" : "#34a853") translate([2, (i - (lights - 1) / 2) * 12, -0.8]) cylinder(d = 3, h = 7);
  if (pir) color("#f1f3f4") translate([2, inner_y / 2 - 14, 0]) sphere(d = pir_hole);
}

if (part == "base") base();
else if (part == "lid") lid();
else {
  color("#c3d3e2") base();
  board_shape();
  translate([0, 0, wall + room_z + 42]) rotate([180, 0, 0]) { color("#dde5ec") lid(); lid_parts(); }
  translate([outer_x + 34, 0, 0]) { color("#dde5ec") lid(); lid_parts(); }
}
