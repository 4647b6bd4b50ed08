"""A robot gripper over a table with coloured blocks: Blocksworld with pictures, motion and a readout."""
