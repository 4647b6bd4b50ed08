"""Platform games of one screen each: a hero who runs, jumps and climbs through a room of 8 x 8 cells."""
