#!lua flags=allow-oom
-- Puts the effect at the head of a queue off to a later time; those behind it wait with it.
-- KEYS[1] {p:s}   ARGV: 1 owner token; 2 queue; 3 the head as it was taken; 4 the head to keep; 5 due, ms
-- Returns ok | fenced | gone
local p = KEYS[1] .. ':'
if redis.call('GET', p .. 'owner') ~= ARGV[1] then return 'fenced' end
local list = p .. 'outbox:' .. ARGV[2]
if redis.call('LINDEX', list, 0) ~= ARGV[3] then return 'gone' end
if ARGV[4] ~= ARGV[3] then redis.call('LSET', list, 0, ARGV[4]) end
for lane = 0, 3 do redis.call('ZADD', p .. 'lane:' .. lane, 'XX', ARGV[5], ARGV[2]) end
return 'ok'
