"""The appliance on sample pictures and video, with a broker of its own: what a newcomer sees first."""
