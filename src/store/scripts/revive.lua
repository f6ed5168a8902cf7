#!lua
-- Takes a dead letter off the list and puts what it holds back to where it came from.
-- KEYS[1] {p:s}   ARGV: 1 id; 2 inbox | timer | effect, then
--   inbox: field, text;   timer: member, due;   effect: queue, lane, text, due
-- Returns ok | gone
local p = KEYS[1] .. ':'
if redis.call('XDEL', p .. 'dead', ARGV[1]) == 0 then return 'gone' end
if ARGV[2] == 'inbox' then
  redis.call('XADD', p .. 'inbox', '*', ARGV[3], ARGV[4])
elseif ARGV[2] == 'timer' then
  -- One of its name that was set since is the right one.
  redis.call('ZADD', p .. 'timers', 'NX', ARGV[4], ARGV[3])
elseif ARGV[2] == 'effect' then
  redis.call('INCRBY', p .. 'stats:outbox', 1)
  -- Behind what waits for the chat already; a queue that waits keeps its lane and its time.
  if redis.call('RPUSH', p .. 'outbox:' .. ARGV[3], ARGV[4] .. ARGV[5]) == 1 then
    redis.call('ZADD', p .. 'lane:' .. ARGV[4], ARGV[6], ARGV[3])
  end
end
return 'ok'
