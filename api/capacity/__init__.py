"""What a deployment of a given size needs: computed from measured costs of one mail.

Pure: reads no clock, no settings, no engine. `rillmail capacity` shows it.
"""
