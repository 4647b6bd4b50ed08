"""GLSL of the renderer: one program for each material, so that a pixel pays only for its own."""

from pandora.worlds.stage.materials import HELPERS, MATERIALS

MAX_LIGHTS = 16

# What is the same for a whole picture, in one block; the layout is that of `render.frame_block`.
_FRAME = f"""
layout(std140) uniform Frame {{
    mat4 view_projection;
    mat4 to_shadow;
    vec4 eye_fog;        // the camera, fog density
    vec4 sky_top_lit;    // colour, share of lamps that shine
    vec4 sky_horizon_wet;
    vec4 sun_direction_snow;
    vec4 sun_colour_shadows;
    vec4 ambient_lights; // colour, number of lights
    vec4 fog_colour_;
    vec4 light_place[{MAX_LIGHTS}];    // position, reach
    vec4 light_colour[{MAX_LIGHTS}];   // colour, cosine of the cone (-2: everywhere)
    vec4 light_towards[{MAX_LIGHTS}];
}};
"""

_INSTANCE = """
in vec3 in_pos;
in vec3 in_normal;
in vec4 i_place;    // position, yaw
in vec4 i_size;     // extents, pattern scale
in vec4 i_colour;   // colour, glow
in vec4 i_colour2;  // second colour, seed
"""

VERTEX = f"""
#version 330
{_INSTANCE}
{_FRAME}
out vec3 v_world;
out vec3 v_normal;
out vec3 v_local;
out vec3 v_face;
out vec3 v_shadow;
flat out vec4 f_colour;
flat out vec4 f_colour2;
flat out vec4 f_size;
void main() {{
    vec3 p = in_pos * i_size.xyz;
    vec3 n = normalize(in_normal / max(i_size.xyz, vec3(1e-4)));
    float c = cos(i_place.w), s = sin(i_place.w);
    v_world = vec3(c * p.x - s * p.y, s * p.x + c * p.y, p.z) + i_place.xyz;
    v_normal = vec3(c * n.x - s * n.y, s * n.x + c * n.y, n.z);
    v_local = p;
    v_face = n;
    f_colour = i_colour;
    f_colour2 = i_colour2;
    f_size = i_size;
    v_shadow = (to_shadow * vec4(v_world, 1.0)).xyz * 0.5 + 0.5;
    gl_Position = view_projection * vec4(v_world, 1.0);
}}
"""

_FRAGMENT_HEAD = f"""
#version 330
in vec3 v_world;
in vec3 v_normal;
in vec3 v_local;
in vec3 v_face;
in vec3 v_shadow;
flat in vec4 f_colour;
flat in vec4 f_colour2;
flat in vec4 f_size;
out vec4 out_colour;
{_FRAME}
uniform sampler2DShadow shadow_map;
{HELPERS}
"""

_FRAGMENT_BODY = """
vec3 to_light(vec3 c) { return c * c * (0.6 + 0.4 * c); }  // sRGB to linear, nearly
void main() {
    vec3 eye = eye_fog.xyz, sky_top = sky_top_lit.rgb, sky_horizon = sky_horizon_wet.rgb;
    vec3 sun_direction = sun_direction_snow.xyz, sun_colour = sun_colour_shadows.rgb;
    vec3 fog_colour = fog_colour_.rgb;
    float lit = sky_top_lit.w, wet = sky_horizon_wet.w, snow = sun_direction_snow.w, shadows = sun_colour_shadows.w;
    int light_count = int(ambient_lights.w);
    vec3 n = normalize(v_normal), a = f_colour.rgb, b = f_colour2.rgb, c = a, emit = vec3(0.0);
    vec3 side = abs(v_face), local = v_local, extent = f_size.xyz;
    bool level = side.z > max(side.x, side.y) * 1.2;
    vec2 uv = level ? local.xy : vec2(side.x > side.y ? local.y : local.x, local.z);
    vec2 wide = level ? extent.xy : vec2(side.x > side.y ? extent.y : extent.x, extent.z);
    vec2 flat_uv = uv / max(wide, vec2(1e-3));
    uv *= f_size.w;
    vec2 world = v_world.xy * f_size.w;
    vec2 fw = clamp(fwidth(uv), 1e-4, 10.0);
    float seed = f_colour2.w, gloss = 0.0, cover = 1.0;
    { MATERIAL }
    vec3 from = eye - v_world;
    float far = length(from);
    vec3 view = from / far;
    float up = n.z;
    float under = level ? 1.0 : mix(0.72, 1.0, smoothstep(0.0, 0.6, local.z));  // near what it stands on it is darker
    float soaked = wet * smoothstep(0.3, 0.8, up);
    vec3 albedo = to_light(c) * (1.0 - 0.5 * soaked);
    float white = snow * cover * smoothstep(0.25, 0.6, up);
    albedo = mix(albedo, vec3(0.82, 0.86, 0.92), white);
    float sun = max(dot(n, sun_direction), 0.0);
    if (shadows > 0.0) {
        vec2 edge = abs(v_shadow.xy - 0.5);
        float known = 1.0 - smoothstep(0.44, 0.5, max(edge.x, edge.y));
        sun *= 1.0 - shadows * known * (1.0 - texture(shadow_map, vec3(v_shadow.xy, v_shadow.z - 0.0012)));
    }
    vec3 light = ambient_lights.rgb * (0.68 + 0.32 * up) * under + sun_colour * sun;
    vec3 mirrored = reflect(-view, n), shine = vec3(0.0);
    float mirror = max(gloss * (1.0 - white), soaked * 0.8);
    for (int i = 0; i < light_count; i++) {
        vec3 d = light_place[i].xyz - v_world;
        float r = length(d), near = clamp(1.0 - r / light_place[i].w, 0.0, 1.0);
        d /= max(r, 1e-3);
        float cone = light_colour[i].w;
        float spot = cone < -1.5 ? 1.0 : smoothstep(cone - 0.12, cone + 0.12, -dot(d, light_towards[i].xyz));
        vec3 comes = light_colour[i].rgb * (near * near * spot);
        light += comes * (0.15 + 0.85 * max(dot(n, d), 0.0));
        float g = max(dot(mirrored, d), 0.0);
        g *= g; g *= g; g *= g;
        shine += comes * (g * g);
    }
    float grazing = 1.0 - max(dot(n, view), 0.0);
    vec3 seen = mix(sky_horizon, sky_top, clamp(mirrored.z * 1.6, 0.0, 1.0));
    float s = max(dot(mirrored, sun_direction), 0.0);
    s *= s; s *= s; s *= s; s *= s;
    shine += sun_colour * s * sun;
    vec3 colour = albedo * light + to_light(emit) + albedo * f_colour.w * 1.4;
    colour += mirror * (shine * 0.6 + seen * seen * (0.05 + 0.5 * grazing * grazing * grazing));
    float clear = exp(-eye_fog.w * far);
    colour = mix(fog_colour * fog_colour, colour, clear) + to_light(emit) * (0.35 * clear * (1.0 - clear));
    out_colour = vec4(sqrt(colour / (1.0 + 0.12 * colour * colour)), 1.0);
}
"""


def fragment(material: str) -> str:
    return _FRAGMENT_HEAD + _FRAGMENT_BODY.replace("MATERIAL", MATERIALS[material])


DEPTH_VERTEX = f"""
#version 330
{_INSTANCE}
uniform mat4 view_projection;
void main() {{
    vec3 p = in_pos * i_size.xyz;
    float c = cos(i_place.w), s = sin(i_place.w);
    gl_Position = view_projection * vec4(vec3(c * p.x - s * p.y, s * p.x + c * p.y, p.z) + i_place.xyz, 1.0);
}}
"""
DEPTH_FRAGMENT = "#version 330\nvoid main() {}\n"
