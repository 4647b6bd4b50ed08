"""GLSL of what is drawn around the things: the sky, contact shadows, rain and snow, and the shrinking."""

from pandora.worlds.stage.materials import HELPERS

BLOB_VERTEX = """
#version 330
in vec3 in_pos;
in vec4 i_place;  // position, yaw
in vec4 i_size;   // extents, darkness
uniform mat4 view_projection;
uniform vec3 eye;
uniform float fog_density;
out vec2 v_at;
flat out vec2 f_half;
flat out float f_soft;
out float v_dark;
void main() {
    f_soft = 0.12 + 0.22 * min(i_size.x, i_size.y);
    f_half = i_size.xy * 0.5;
    v_at = in_pos.xy * 2.0 * (f_half + f_soft);
    float c = cos(i_place.w), s = sin(i_place.w);
    vec3 world = vec3(c * v_at.x - s * v_at.y, s * v_at.x + c * v_at.y, 0.03) + i_place.xyz;
    v_dark = i_size.w * exp(-fog_density * length(world - eye));
    gl_Position = view_projection * vec4(world, 1.0);
}
"""
BLOB_FRAGMENT = """
#version 330
in vec2 v_at;
flat in vec2 f_half;
flat in float f_soft;
in float v_dark;
out vec4 out_colour;
void main() {
    float d = length(max(abs(v_at) - f_half * 0.8, 0.0));
    float k = 1.0 - clamp(d / (f_soft + 0.2 * min(f_half.x, f_half.y)), 0.0, 1.0);
    out_colour = vec4(0.0, 0.0, 0.0, v_dark * k * k * (3.0 - 2.0 * k));
}
"""

SCREEN_VERTEX = """
#version 330
in vec2 in_at;
out vec2 v_at;
void main() { v_at = in_at; gl_Position = vec4(in_at, 1.0, 1.0); }
"""

SKY_FRAGMENT = f"""
#version 330
in vec2 v_at;
out vec4 out_colour;
uniform vec3 forward;
uniform vec3 right;
uniform vec3 upward;
uniform float half_fov;  // its tangent
uniform vec3 sky_top;
uniform vec3 sky_horizon;
uniform vec3 sun_direction;
uniform vec3 sun_colour;
uniform vec3 fog_colour;
uniform vec4 air;  // stars, clouds, disc, moon
uniform float haze;
uniform float drift;
{HELPERS}
void main() {{
    vec3 d = normalize(forward + half_fov * (v_at.x * right + v_at.y * upward));
    float up = max(d.z, 0.0);
    vec3 c = mix(sky_horizon, sky_top, 1.0 - exp(-3.2 * up));
    float s = max(dot(d, sun_direction), 0.0);
    float s8 = s * s; s8 *= s8; s8 *= s8;
    float s64 = s8 * s8; s64 *= s64; s64 *= s64;
    c += sun_colour * air.z * (0.10 * s8 + 0.22 * s64) * (1.0 - air.w);
    vec2 plane = d.xy / (up + 0.12) + vec2(drift, 0.6 * drift);
    float cloud = 0.6 * noise(plane * 1.3 + 7.0) + 0.28 * noise(plane * 2.9) + 0.12 * noise(plane * 6.1);
    float cover = smoothstep(0.72 - 0.5 * air.y, 0.98 - 0.45 * air.y, cloud);
    cover *= smoothstep(0.0, 0.12, up) * min(1.0, air.y * 2.0);
    vec3 bright = mix(sky_horizon, vec3(dot(sky_horizon, vec3(0.33))), 0.3) * 0.75 + sun_colour * 0.3;
    vec2 cell = vec2(atan(d.y, d.x) * 34.0, d.z * 34.0);
    float spark = hash(cell + 50.0);
    vec2 off = fract(cell) - 0.5 - 0.5 * (vec2(hash(cell + 3.0), hash(cell + 9.0)) - 0.5);
    float star = step(0.86, spark) * (1.0 - smoothstep(0.05, 0.16, length(off))) * (0.4 + 4.0 * (spark - 0.86));
    c += star * air.x * smoothstep(0.03, 0.2, up) * (1.0 - cover);
    float edge = mix(0.9985, 0.9972, air.w);
    float disc = smoothstep(edge, edge + 0.0009, s) * air.z;
    c = mix(c, mix(vec3(1.0, 0.96, 0.82), vec3(0.93, 0.94, 0.98), air.w) * min(1.0, air.z + 0.2), disc);
    c = mix(c, bright, cover * 0.85);
    c = mix(c, fog_colour, max(haze, (1.0 - smoothstep(0.0, 0.09, up)) * min(1.0, haze * 3.0 + 0.15)));
    out_colour = vec4(c, 1.0);
}}
"""

RESOLVE_FRAGMENT = """
#version 330
out vec4 out_colour;
uniform sampler2D picture;
uniform int size;
void main() {
    ivec2 p = ivec2(gl_FragCoord.xy);
    p = ivec2(p.x * 2, (size - 1 - p.y) * 2);
    vec4 c = texelFetch(picture, p, 0) + texelFetch(picture, p + ivec2(1, 0), 0);
    c += texelFetch(picture, p + ivec2(0, 1), 0) + texelFetch(picture, p + ivec2(1, 1), 0);
    out_colour = c * 0.25;
}
"""

FALL_VERTEX = """
#version 330
in vec3 in_pos;
uniform mat4 view_projection;
uniform vec3 eye;
uniform vec3 right;
uniform vec3 upward;
uniform vec4 drift;   // wind x, wind y, fall speed, time
uniform vec3 streak;  // metres along which a drop smears
uniform vec4 kind;    // width, length, sway, seed
out vec2 v_at;
out float v_near;
float rand(uint k) {
    uint h = k * 747796405u + uint(kind.w) * 2891336453u;
    h = ((h >> ((h >> 28u) + 4u)) ^ h) * 277803737u;
    return float(((h >> 22u) ^ h) >> 8u) * (1.0 / 16777216.0);
}
void main() {
    uint i = uint(gl_InstanceID) * 8u;
    vec3 box = vec3(22.0, 22.0, 11.0);
    vec3 p = vec3(rand(i), rand(i + 1u), rand(i + 2u)) * box;
    float speed = drift.z * (0.8 + 0.4 * rand(i + 3u));
    p += vec3(drift.xy, -speed) * drift.w;
    p.xy += kind.z * vec2(sin(drift.w * 1.9 + 40.0 * rand(i + 4u)), cos(drift.w * 1.5 + 40.0 * rand(i + 5u)));
    p = eye + mod(p - eye + box * 0.5, box) - box * 0.5;
    vec3 away = p - eye;
    float far = length(away);
    v_near = smoothstep(1.2, 3.0, far) * (1.0 - smoothstep(8.0, 11.0, far));
    v_at = vec2(in_pos.x * 2.0, in_pos.y * 2.0);
    float width = kind.x * (0.7 + 0.6 * rand(i + 6u)) * max(1.0, far * 0.16);
    vec3 along = kind.y > 0.0 ? streak * kind.y : upward * width;
    vec3 across = kind.y > 0.0 ? normalize(cross(along, away) + vec3(1e-5)) * width : right * width;
    gl_Position = view_projection * vec4(p + across * in_pos.x + along * in_pos.y, 1.0);
}
"""
FALL_FRAGMENT = """
#version 330
in vec2 v_at;
in float v_near;
out vec4 out_colour;
uniform vec4 tint;
uniform float round_;
void main() {
    float d = mix(abs(v_at.x), length(v_at), round_);
    out_colour = vec4(tint.rgb, tint.a * v_near * (1.0 - smoothstep(0.35, 1.0, d)));
}
"""
