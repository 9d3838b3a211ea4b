"""The code that runs in the app's own process."""
