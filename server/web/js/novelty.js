// What the page says of a picture of one's own: how near it is to what the model knows.

/** A short, honest line; empty for start pictures, and where the model can't tell. `scenes` name the kinds of world. */
export function noveltyWords(novelty, scenes) {
  if (!novelty) return "";
  const title = scenes.find(({ world }) => world === novelty.world)?.world_title ?? novelty.world;
  const kind = title.charAt(0).toLowerCase() + title.slice(1);
  if (novelty.known) return `Close to: ${kind}`;
  const isOnly = new Set(scenes.map(({ world }) => world)).size < 2;
  return `Unlike anything I was trained on (${isOnly ? kind : `nearest: ${kind}`}): expect nonsense`;
}
