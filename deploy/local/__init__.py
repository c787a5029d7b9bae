"""Running on one machine: installing, finding or starting real servers, the demo."""
