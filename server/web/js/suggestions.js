// Sentences to offer where no scene brings its own.

const MOST = 4;

/** For a picture that no scene knows: what is suggested for most of the scenes. */
export function generalSuggestions(scenes) {
  const votes = new Map();
  for (const text of scenes.flatMap(({ suggestions }) => suggestions)) votes.set(text, (votes.get(text) ?? 0) + 1);
  return [...votes.keys()].sort((a, b) => votes.get(b) - votes.get(a)).slice(0, MOST);
}
