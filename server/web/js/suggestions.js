// Sentences to offer where no scene brings its own.

const MOST = 4;

/** What happens in a world: suggestions of its own, or else of its scene, or of most scenes of the nearest kind. */
export const suggestionsFor = (world, scenes) =>
  world.suggestions.length ? world.suggestions : mostCommon(scenesFor(world, scenes), "suggestions");

/** What shall be, likewise. */
export const goalsFor = (world, scenes) => mostCommon(scenesFor(world, scenes), "goals");

/** Its own scene; those of the kind of world that its picture is most like; all, where nobody knows. */
function scenesFor(world, scenes) {
  const own = scenes.filter(({ id }) => id === world.scene);
  const near = scenes.filter((scene) => scene.world === world.novelty?.world);
  return own.length ? own : near.length ? near : scenes;
}

function mostCommon(scenes, field) {
  const votes = new Map();
  for (const text of scenes.flatMap((scene) => scene[field])) votes.set(text, (votes.get(text) ?? 0) + 1);
  return [...votes.keys()].sort((a, b) => votes.get(b) - votes.get(a)).slice(0, MOST);
}
