"""The road world: the driver's view of a drive through town and country, by day and night, in any weather."""
