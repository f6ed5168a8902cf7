#!lua flags=allow-oom
-- Notes that queues stay in the hands of a copy that gives their shard away while it sends their heads: the next owner
-- leaves them alone until the send has ended, or the note is too old. Redis' own clock counts, which all copies share.
-- KEYS[1] {p:s}   ARGV: 1 owner token; 2 token of the hold; 3 for how long, ms (0 takes the notes away)
--   4... pairs of queue and its head as it was taken
-- Returns the queues that are held.
local p = KEYS[1] .. ':'
local notes = p .. 'held'
local isOwner = redis.call('GET', p .. 'owner') == ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local length = tonumber(ARGV[3])
local result = {}
for i = 4, #ARGV, 2 do
  local till, holder = string.match(redis.call('HGET', notes, ARGV[i]) or '', '^(%d+):(.*)$')
  local isHeld = holder == ARGV[2] and tonumber(till) >= now
  if length == 0 then
    if isHeld then redis.call('HDEL', notes, ARGV[i]) end
  elseif (isOwner or isHeld) and redis.call('LINDEX', p .. 'outbox:' .. ARGV[i], 0) == ARGV[i + 1] then
    redis.call('HSET', notes, ARGV[i], string.format('%d:%s', now + length, ARGV[2]))
    result[#result + 1] = ARGV[i]
  end
end
if #result > 0 then redis.call('PEXPIRE', notes, length) end
return result
