#!lua flags=allow-oom
-- Removes sessions whose time in a state that expires has passed. Redis' own expiry does the same when the bot is down.
-- KEYS[1] {p:s}   ARGV: 1 owner token; 2 <machine>:<state>; 3 now, ms; 4 how many at the most
-- Returns how many are gone.
local p = KEYS[1] .. ':'
if redis.call('GET', p .. 'owner') ~= ARGV[1] then return 0 end
local expiring = p .. 'expiring:' .. ARGV[2]
local due = redis.call('ZRANGEBYSCORE', expiring, '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])
for _, session in ipairs(due) do
  redis.call('DEL', p .. session)
  redis.call('ZREM', expiring, session)
  redis.call('HINCRBY', p .. 'stats:states', ARGV[2], -1)
end
return #due
