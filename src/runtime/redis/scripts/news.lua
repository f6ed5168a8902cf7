#!lua
-- Notes when everything that waited elsewhere was asked for, once what came of it is stored.
-- KEYS[1] {p}:news: asked (ms), gap (the time at which the last gap ended), compared (the last gap that was made up for)
-- ARGV[1] when the asking began, ms   ARGV[2] from how many ms on the time between two askings is a gap
-- Returns 1 when it ended a gap, else 0.
local asked = tonumber(ARGV[1])
local last = tonumber(redis.call('HGET', KEYS[1], 'asked') or '')
redis.call('HSET', KEYS[1], 'asked', ARGV[1])
-- A clock that was set by so much, back or forth, says nothing about the time between.
if last and math.abs(asked - last) < tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'gap', ARGV[1])
return 1
