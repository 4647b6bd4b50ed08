"""The house world: furnished rooms seen in first person, where what was seen is still there when one comes back."""
