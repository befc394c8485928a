"""What all device actors share: availability, staleness, verified commands."""
