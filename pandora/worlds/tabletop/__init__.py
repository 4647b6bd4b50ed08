"""A robot gripper over a table with coloured blocks in MuJoCo: it picks, stacks, pushes and drops them."""
