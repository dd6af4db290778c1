"""The embedded platform: the real stacks on a laptop, with no account.

What AWS would provide is played by MiniStack (`cloud`) with our half of ECS (`ecs`), what ECS's
hosts would do by the container agent (`agent`), and what a signed endpoint would do by the
`gateway`. `deploy` brings the real templates there, `platform` starts and stops it all.
"""
