"""The shell's side: `pandora …`, one file a command. torch is imported when a command runs, not before."""
