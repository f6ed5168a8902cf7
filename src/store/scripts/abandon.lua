#!lua flags=allow-oom
-- A person cannot be reached: what waits to be sent and every timer goes, the sessions stay and are marked, so that they
-- go on when the person comes back. Takes the inbox entry that tells of it.
-- KEYS[1] {p:s}   ARGV: 1 owner token; 2 source (inbox, inbox:checkout); 3 entry id; 4 queue of the chat;
--   5 number of sessions n, then n session suffixes; then the timers' members
-- Returns ok | fenced | gone
local p = KEYS[1] .. ':'
if redis.call('GET', p .. 'owner') ~= ARGV[1] then return 'fenced' end
if redis.call('XDEL', p .. ARGV[2], ARGV[3]) == 0 then return 'gone' end
redis.call('DECRBY', p .. 'stats:outbox', redis.call('LLEN', p .. 'outbox:' .. ARGV[4]))
redis.call('DEL', p .. 'outbox:' .. ARGV[4])
for lane = 0, 3 do redis.call('ZREM', p .. 'lane:' .. lane, ARGV[4]) end
local count = tonumber(ARGV[5])
for i = 6, 5 + count do
  if redis.call('EXISTS', p .. ARGV[i]) == 1 then redis.call('HSET', p .. ARGV[i], 'b', '1') end
end
for i = 6 + count, #ARGV do redis.call('ZREM', p .. 'timers', ARGV[i]) end
return 'ok'
