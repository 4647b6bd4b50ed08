"""Nature: hills and water under changing weather, hours and wind, with a camp fire in the foreground."""
