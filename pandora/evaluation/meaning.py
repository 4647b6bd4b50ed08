"""What the rows mean, in words."""

from pandora.evaluation import abilities, trials
from pandora.evaluation.verdict import MOVED, REACH, UNTOUCHED

ABLATED_PART = 0.25  # of the stories; the model's cost again, for a number that is far off
ORACLE_PART = 0.25  # likewise, for a number near 1

MEANING = {
    "next_state": "whole state read from the last frame equals the simulator's after one legal action that changes it",
    "next_state.in_distribution": "trained phrasings, transitions that training may contain, scenes of other seeds",
    "next_state.held_out_phrasings": "the same with phrasings kept out of training",
    "next_state.held_out_transitions": "trained phrasings, (state, action) pairs kept out of training",
    "next_state.….steps_n": "the same stories with n denoising steps",
    "unchanged": "the state stays as it was: after an action that the rules forbid, after waiting",
    "horizon.k": "whole state right after k legal actions on the subject's own frames; the actions are the simulator's "
    "natural mix, in trained phrasings, held-out transitions and actions without effect included",
    "counterfactual_pairs": "one start, two actions that both change the state, each in its own way: both outcomes "
    "right, and in both clips the pixels that neither true clip changes (dilated by "
    f"{REACH}) differ from the start picture by less than {UNTOUCHED:g}/255 in the mean; .outcomes, .untouched are the "
    "parts, .difference that mean",
    "psnr.dynamic_region": f"dB, over the pixels of a clip that differ from the start by more than {MOVED}/255 in the "
    f"truth, dilated by {REACH}; mean over the clips of next_state.in_distribution",
    "undecodable": "share of last frames, over all single actions, that the readout rejects; they count as wrong above",
    "text_state.….kind": "the state in the backbone's own words, over the kind's stories: .seen of the start picture, "
    ".next after the action, of what was seen, .thought of the true state in words, nothing drawn; .seen_generated of "
    "the generated last frame against its readout, .agrees with .next; .optimism is confidence less success of .next",
    "readout": "the readout on true last frames, and on true last frames blurred and noised to the model's psnr.whole",
    "copy_last": "baseline: the start picture repeated",
    "action_ablated": f"baseline: the model, told what was said in another scene; {ABLATED_PART:.0%} of the stories",
    "oracle": f"ceiling: the true film through the autoencoder, then the readout; {ORACLE_PART:.0%} of the stories",
    "W.followed": "in world W: all that the judge reads off the clip of a legal action with an effect is as in the "
    "true clip; trained phrasings, transitions that training may contain, scenes of other seeds; .held_out_phrasings, "
    ".held_out_transitions and scenes unlike those of training by their names; .illegal and .wait are tried and waited",
    "W.horizon.k": "the same of the k-th clip of a walk, on the subject's own frames; the picture before it is its own",
    "W.transfer": "the same in all scenes of splits that are worlds apart: other tiles, another game",
    "W.drift": "how sure the judge is of the last clip of long walks, relative to the fourth; .psnr: the same with the "
    "PSNR of what moves",
    "W.switch": f"after {trials.UNDERWAY} other actions the weather or the like is changed: all that the clip shows is "
    "right; .changed: what should change, .kept: all else",
    "W.return": f"after a journey there and back the first view is back (`same_view` above {trials.SAME}); .followed: "
    "and every clip on the way was right; .psnr: of the last frame against the start picture",
    "W.nonsense": "told what makes sense in another world alone: the judge still reads a state; .unchanged: that of "
    "waiting",
    "W.judge": f"the judge on the true clips of all kinds; .degraded: blurred and noised to {abilities.DECIBEL:g} dB",
}
