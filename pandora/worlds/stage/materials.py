"""Procedural surfaces: GLSL that works out a colour from coordinates in metres, so that there are no texture files.

A body sees `uv` (metres along the face, times the thing's scale), `world` (metres, times scale, on the ground plane),
`fw` (how far `uv` goes in one pixel), `n` (the normal), `a` and `b` (the thing's colours), `seed`, `lit` (share of
lamps that shine); it sets `c` (the colour) and may set `gloss` (0..1), `emit` (own light) and `cover` (how much snow
stays, 0..1). Patterns fade where they would be finer than a pixel.
"""

HELPERS = """
float hash(vec2 p) {
    uvec2 q = uvec2(ivec2(floor(p)));
    uint h = q.x * 1597334673u ^ q.y * 3812015801u;
    h = (h ^ (h >> 15u)) * 2246822519u;
    h = (h ^ (h >> 13u)) * 3266489917u;
    return float((h ^ (h >> 16u)) >> 8u) * (1.0 / 16777216.0);
}
float noise(vec2 p) {
    vec2 f = fract(p);
    f = f * f * (3.0 - 2.0 * f);
    return mix(mix(hash(p), hash(p + vec2(1, 0)), f.x), mix(hash(p + vec2(0, 1)), hash(p + vec2(1, 1)), f.x), f.y);
}
float groove(float x, float width, float fw) {  // a line at every whole number, `width` wide, softened by a pixel
    float d = abs(fract(x - 0.5) - 0.5);
    float line = 1.0 - smoothstep(width * 0.5 - fw * 0.5, width * 0.5 + fw, d);
    return mix(line, min(1.0, width), smoothstep(0.25, 0.7, fw));
}
float inside(vec2 p, vec2 low, vec2 high, vec2 fw) {  // 1 in a rectangle, softened by a pixel
    vec2 s = smoothstep(low - fw, low + fw, p) * (1.0 - smoothstep(high - fw, high + fw, p));
    return s.x * s.y;
}
float fine(float period, vec2 fw) { return 1.0 - smoothstep(0.3, 0.8, max(fw.x, fw.y) / period); }
"""

MATERIALS: dict[str, str] = {
    "flat": "",
    "glow": "emit = a * 1.6; c = a;",
    "lamp": "emit = mix(a * 0.1, b * 1.8, lit); c = a;",
    "plaster": "c = a * (0.94 + 0.09 * mix(0.5, noise(uv * 3.0), fine(0.33, fw)) + 0.03 * noise(uv * 0.7));",
    "brick": """
        vec2 p = uv / vec2(0.5, 0.22);
        p.x += 0.5 * mod(floor(p.y), 2.0);
        float gap = max(groove(p.x, 0.1, fw.x / 0.5), groove(p.y, 0.16, fw.y / 0.22));
        c = mix(a * mix(1.0, 0.82 + 0.32 * hash(p), fine(0.3, fw)), b, gap);
    """,
    "planks": """
        vec2 p = vec2(uv.x / 1.6, uv.y / 0.22);
        p.x += hash(vec2(floor(p.y), 3.0));
        float gap = max(groove(p.y, 0.1, fw.y / 0.22), groove(p.x, 0.015, fw.x / 1.6));
        float grain = 0.82 + 0.3 * hash(p) + 0.1 * (noise(vec2(uv.x * 2.0, uv.y * 24.0)) - 0.5) * fine(0.05, fw);
        c = mix(a * mix(1.0, grain, fine(0.25, fw)), b, gap * 0.8);
    """,
    "wood": """
        float grain = noise(vec2(uv.x * 1.5, uv.y * 9.0)) * 0.6 + noise(vec2(uv.x * 4.0, uv.y * 30.0)) * 0.4;
        c = mix(a, b, 0.55 * mix(0.5, grain, fine(0.1, fw)));
        gloss = 0.15;
    """,
    "tiles": """
        vec2 p = uv / 0.5;
        float gap = max(groove(p.x, 0.06, fw.x / 0.5), groove(p.y, 0.06, fw.y / 0.5));
        c = mix(a * (0.94 + 0.1 * hash(p)), b, gap);
        gloss = 0.35;
    """,
    "checker": """
        vec2 p = uv / 0.5;
        float odd = mod(floor(p.x) + floor(p.y), 2.0);
        c = mix(a, b, mix(0.5, odd, fine(0.5, fw)));
        gloss = 0.35;
    """,
    "stripes": """
        float x = uv.x / 0.4;
        float w = abs(fract(x) - 0.5) * 2.0;
        c = mix(a, b, mix(0.5, smoothstep(0.5 - 2.0 * fw.x / 0.4, 0.5 + 2.0 * fw.x / 0.4, w), fine(0.4, fw)));
    """,
    "dots": """
        vec2 p = uv / 0.4;
        p.x += 0.5 * mod(floor(p.y), 2.0);
        float d = length(fract(p) - 0.5), s = max(fw.x, fw.y) / 0.4;
        c = mix(a, b, mix(0.2, 1.0 - smoothstep(0.25 - s, 0.25 + s, d), fine(0.4, fw)));
    """,
    "carpet": """
        float pile = mix(0.5, hash(uv * 22.0), fine(0.05, fw)), broad = noise(uv * 1.3);
        c = mix(a, b, 0.2 * broad) * (0.92 + 0.14 * pile);
    """,
    "rug": """
        vec2 e = abs(local.xy) / max(extent.xy * 0.5, vec2(0.01));
        float m = max(e.x, e.y);
        float band = smoothstep(0.72, 0.74, m) * (1.0 - smoothstep(0.86, 0.88, m));
        float middle = 1.0 - smoothstep(0.34, 0.36, e.x + e.y);
        c = mix(a, b, max(band, middle));
    """,
    "books": """
        vec2 p = vec2(uv.x / 0.07, uv.y / 0.36);
        float spine = hash(vec2(floor(p.x), floor(p.y) + seed * 7.0)), high = 0.62 + 0.25 * hash(floor(p) + 40.0);
        vec3 hue = 0.5 + 0.4 * cos(6.2832 * (spine + vec3(0.0, 0.33, 0.67)));
        float book = step(fract(p.y), high) * step(0.1, fract(p.y));
        c = mix(a * 0.35, hue * 0.75, mix(0.5, book, fine(0.2, fw)));
        c = mix(c, a, groove(p.y, 0.16, fw.y / 0.36));
    """,
    "picture": """
        vec2 e = (flat_uv - vec2(0.0, 0.5));
        float frame = step(0.43, max(abs(e.x), abs(e.y)));
        float hill = e.y - 0.12 * sin(e.x * 7.0 + seed * 9.0) - 0.05 * sin(e.x * 17.0 + seed * 5.0);
        float sun = 1.0 - smoothstep(0.08, 0.1, length(e - vec2(0.2 * sin(seed * 13.0), 0.2)));
        vec3 above = mix(mix(b, vec3(1.0), 0.55), vec3(1.0, 0.85, 0.4), sun);
        c = mix(mix(above, b * 0.75, step(hill, 0.0)), a, frame);
    """,
    "windows": """
        vec2 p = uv / vec2(2.6, 3.0), f = fract(p), s = fw / vec2(2.6, 3.0);
        float side = 1.0 - step(0.6, abs(n.z));
        float pane = inside(f, vec2(0.26, 0.3), vec2(0.74, 0.8), s) * side;
        float bar = (1.0 - inside(vec2(f.x, 0.5), vec2(0.485, 0.0), vec2(0.515, 1.0), s)) ;
        float frame = inside(f, vec2(0.22, 0.26), vec2(0.78, 0.84), s) * side;
        float on = step(hash(floor(p) + floor(seed * 91.0)), 0.62) * lit;
        vec3 warm = mix(vec3(1.0, 0.72, 0.34), vec3(1.0, 0.86, 0.6), hash(floor(p) + 17.0));
        c = mix(a * (0.95 + 0.06 * noise(uv * 1.1)), mix(a, vec3(0.92), 0.6), frame);
        c = mix(c, b * (0.75 + 0.5 * f.y), pane * bar);
        c *= 1.0 - 0.25 * groove(p.y, 0.05, s.y) * side;
        emit = warm * (1.15 * on * pane * bar);
        gloss = 0.5 * pane;
    """,
    "glass": "c = a; gloss = 0.9;",
    "metal": "c = a; gloss = 0.55;",
    "enamel": "c = a; gloss = 0.5; cover = 0.0;",
    "shingles": """
        vec2 p = uv / vec2(0.5, 0.4);
        p.x += 0.5 * mod(floor(p.y), 2.0);
        float tone = 0.85 + 0.25 * hash(p);
        c = a * mix(1.0, tone * (1.0 - 0.3 * groove(p.y, 0.2, fw.y / 0.4)), fine(0.4, fw));
    """,
    "bark": "c = mix(a, b, 0.6 * mix(0.5, noise(vec2(uv.x * 14.0, uv.y * 3.0)), fine(0.1, fw)));",
    "leaves": """
        float blot = noise(uv * 2.6 + seed * 31.0) * 0.65 + noise(uv * 6.5) * 0.35;
        c = mix(a * 0.72, mix(a, b, 0.7), mix(0.5, smoothstep(0.25, 0.75, blot), fine(0.3, fw)));
        cover = 0.8;
    """,
    "grass": """
        float broad = noise(world * 0.21), blade = noise(world * 2.3) * 0.6 + noise(world * 5.1) * 0.4;
        c = mix(a, b, 0.75 * broad) * (0.86 + 0.28 * mix(0.5, blade, fine(0.4, fw)));
    """,
    "field": """
        float row = 0.5 + 0.5 * sin(uv.x * 3.6);
        c = mix(a, b, mix(0.5, row, fine(1.75, fw)) * 0.8 + 0.2 * noise(world * 0.3));
    """,
    "asphalt": """
        float grit = mix(0.5, hash(world * 9.0), fine(0.11, fw)), broad = noise(world * 0.45);
        c = a * (0.9 + 0.12 * grit + 0.12 * (broad - 0.5));
        cover = 0.42 + 0.1 * broad;
        gloss = wet;
    """,
    "slabs": """
        vec2 p = world / 0.9;
        float gap = max(groove(p.x, 0.06, fw.x / 0.9), groove(p.y, 0.06, fw.y / 0.9));
        c = mix(a * (0.95 + 0.08 * hash(p)), b, gap * 0.6);
        cover = 0.85;
    """,
    "paint": "c = a; cover = 0.3; gloss = wet * 0.6;",
    "zebra": """
        float x = uv.x / 1.2, w = abs(fract(x) - 0.5) * 2.0, s = 2.0 * fw.x / 1.2;
        c = mix(b, a, mix(0.5, smoothstep(0.5 - s, 0.5 + s, w), fine(1.2, fw)));
        cover = 0.35;
        gloss = wet * 0.6;
    """,
    "dashes": """
        float w = abs(fract(uv.x / 6.0) - 0.5) * 2.0, s = 2.0 * fw.x / 6.0;
        c = mix(b, a, mix(0.5, smoothstep(0.5 - s, 0.5 + s, w), fine(6.0, fw)));
        cover = 0.35;
        gloss = wet * 0.6;
    """,
    "awning": """
        float w = abs(fract(uv.y / 0.9) - 0.5) * 2.0, s = 2.0 * fw.y / 0.9;
        c = mix(a, b, mix(0.5, smoothstep(0.5 - s, 0.5 + s, w), fine(0.9, fw)));
    """,
    "gravel": "c = mix(a, b, mix(0.5, hash(world * 6.0), fine(0.16, fw)) * 0.5 + 0.3 * noise(world * 0.8));",
    "concrete": "c = a * (0.92 + 0.1 * noise(uv * 0.8) + 0.05 * mix(0.5, noise(uv * 4.0), fine(0.25, fw)));",
    "water": "c = mix(a, b, noise(world * vec2(0.9, 2.2))); gloss = 0.9; cover = 0.0;",
}
